"""relay_gateway: an SMTP relay that turns job rejections into referrals."""
