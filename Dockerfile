# Built in one stage, run in another that holds no build tools.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md ./
COPY relay_gateway relay_gateway
RUN python -m venv /opt/relay_gateway
RUN /opt/relay_gateway/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
RUN /opt/relay_gateway/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10025 --home-dir /var/lib/relay_gateway --create-home relay_gateway
COPY --from=build /opt/relay_gateway /opt/relay_gateway
COPY config /etc/relay_gateway/config
RUN mkdir -p /etc/relay_gateway/var && chown relay_gateway /etc/relay_gateway/var
USER relay_gateway
# The ledger, the secrets and the outbox: the proof of every credit.
VOLUME /etc/relay_gateway/var
EXPOSE 2525
HEALTHCHECK --interval=30s --timeout=5s CMD ["/opt/relay_gateway/bin/python", "-c", \
    "import smtplib; smtplib.SMTP('127.0.0.1', 2525, timeout=4).noop()"]
ENTRYPOINT ["/opt/relay_gateway/bin/relay-gateway"]
CMD ["serve", "-c", "/etc/relay_gateway/config/gateway.yaml"]
