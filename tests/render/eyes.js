// What a reader sees of a page: each run of words with its looks and its place.
function words() {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter((box) => box.width && box.height);
    // An indent of the full width counts as a word: with it the line begins.
    if (/^[ \t\r\n\u00a0]*$/.test(node.data) || !boxes.length) continue;
    const its = getComputedStyle(node.parentElement);
    found.push({
      text: node.data.trim(),
      looks: [its.fontFamily, its.fontSize, its.color, its.fontWeight, its.fontStyle].join(" | "),
      left: Math.round(boxes[0].left),
      right: Math.round(Math.max(...boxes.map((box) => box.right))),
      top: Math.round(boxes[0].top + scrollY),
      bottom: Math.round(boxes.at(-1).bottom + scrollY),
      isLink: !!node.parentElement.closest("a"),
    });
  }
  return found;
}

// How many rows of pixels two pictures have in common from the top and from the bottom, and whether
// anything is drawn between them in the second.
async function rows(before, after) {
  const [old, now] = await Promise.all([before, after].map(pixels));
  const isSame = (a, b) => {
    for (let x = 0; x < old.width; x++) {
      if (old.data[a * old.width + x] !== now.data[b * now.width + x]) return false;
    }
    return true;
  };
  const most = Math.min(old.height, now.height);
  let top = 0;
  while (top < most && isSame(top, top)) top++;
  let bottom = 0;
  while (bottom < most - top && isSame(old.height - 1 - bottom, now.height - 1 - bottom)) bottom++;
  const band = now.data.subarray(top * now.width, (now.height - bottom) * now.width);
  return { top, bottom, old: old.height, now: now.height, colours: new Set(band).size };
}

async function pixels(png) {
  const image = new Image();
  image.src = "data:image/png;base64," + png;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const bytes = pen.getImageData(0, 0, image.width, image.height).data;
  return { data: new Uint32Array(bytes.buffer), width: image.width, height: image.height };
}
