// What a reader sees of a page: each run of words with its looks and its place.
function words() {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const its = getComputedStyle(node.parentElement);
    for (const [start, end] of runs(node.data, its.whiteSpace.startsWith("pre"))) {
      const range = document.createRange();
      range.setStart(node, start);
      range.setEnd(node, end);
      const text = node.data.slice(start, end);
      const boxes = [...range.getClientRects()].filter((box) => box.width && box.height);
      // An indent of the full width counts as a word: with it the line begins.
      if (/^[ \t\r\n\u00a0]*$/.test(text) || !boxes.length) continue;
      found.push({
        text: text.trim(),
        looks: [its.fontFamily, its.fontSize, its.color, its.fontWeight, its.fontStyle].join(" | "),
        left: Math.round(boxes[0].left),
        top: Math.round(boxes[0].top + scrollY),
        bottom: Math.round(boxes.at(-1).bottom + scrollY),
        isLink: !!node.parentElement.closest("a"),
      });
    }
  }
  return found;
}

// Where the lines of a text begin and end; it is one line unless its newlines are seen.
function* runs(text, isKept) {
  let at = 0;
  for (const line of isKept ? text.split("\n") : [text]) {
    yield [at, at + line.length];
    at += line.length + 1;
  }
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

// A picture in sixteen grades of each colour: its palette, and for each pixel a place in it.
async function indexed(png) {
  const { data, width, height } = await pixels(png);
  const places = new Map();
  const colours = [];
  let at = "";
  for (const pixel of data) {
    const rgb = [0, 8, 16].map((shift) => Math.round(((pixel >> shift) & 255) / 17) * 17);
    const name = rgb.join();
    if (!places.has(name)) {
      places.set(name, places.size);
      colours.push(...rgb);
    }
    at += String.fromCharCode(places.get(name));
  }
  if (places.size > 256) throw new Error("more than 256 colours");
  return { width, height, colours, at: btoa(at) };
}

// All frames of the page, loaded and as high as the highest of their letters.
async function unrolled() {
  const frames = [...document.querySelectorAll("iframe")];
  for (const frame of frames) {
    while (!frame.contentDocument.body?.innerText.trim()) {
      await new Promise((done) => setTimeout(done, 10));
    }
  }
  const heights = frames.map((frame) => frame.contentDocument.documentElement.scrollHeight);
  for (const frame of frames) frame.height = Math.max(...heights);
}
