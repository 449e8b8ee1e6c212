// Shapes on labels. A point [x, y] is in pixels of the frame, and pixel i covers i..i+1, so that its centre is at
// i + 0.5. A box is {left, top, right, bottom}, its end excluded. Sizes are [height, width].

function clipBox({ left, top, right, bottom }, [height, width]) {
  const clamp = (value, high) => Math.min(high, Math.max(0, value));
  return {
    left: clamp(Math.floor(left), width), right: clamp(Math.ceil(right), width),
    top: clamp(Math.floor(top), height), bottom: clamp(Math.ceil(bottom), height),
  };
}

function boxAround(points, margin) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return {
    left: Math.min(...xs) - margin, right: Math.max(...xs) + margin,
    top: Math.min(...ys) - margin, bottom: Math.max(...ys) + margin,
  };
}

const boxOf = ([height, width]) => ({ left: 0, top: 0, right: width, bottom: height });

const union = (a, b) => a && {
  left: Math.min(a.left, b.left), right: Math.max(a.right, b.right),
  top: Math.min(a.top, b.top), bottom: Math.max(a.bottom, b.bottom),
} || b;

// Gives `id` to every pixel whose centre is at most `radius` from the line between two points. Returns their box.
function paintLine(labels, size, [ax, ay], [bx, by], radius, id) {
  const box = clipBox(boxAround([[ax, ay], [bx, by]], radius), size);
  const [dx, dy] = [bx - ax, by - ay];
  const length2 = dx * dx + dy * dy || 1;
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) {
      const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
      const s = Math.min(1, Math.max(0, (px * dx + py * dy) / length2)); // place of the nearest point, from a to b
      if ((px - s * dx) ** 2 + (py - s * dy) ** 2 <= radius * radius) labels[y * size[1] + x] = id;
    }
  }
  return box;
}

// Gives `id` to every pixel whose centre lies inside the polygon (even-odd rule). Returns their box.
function fillPolygon(labels, size, points, id) {
  const box = clipBox(boxAround(points, 0), size);
  for (let y = box.top; y < box.bottom; y++) {
    const crossings = crossingsOfRow(points, y + 0.5);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const first = Math.max(box.left, Math.ceil(crossings[k] - 0.5));
      const end = Math.min(box.right, Math.ceil(crossings[k + 1] - 0.5));
      if (first < end) labels.fill(id, y * size[1] + first, y * size[1] + end);
    }
  }
  return box;
}

// Where a polygon's sides cross the height y, from left to right.
function crossingsOfRow(points, y) {
  const found = [];
  points.forEach(([ax, ay], k) => {
    const [bx, by] = points[(k + 1) % points.length];
    if (ay <= y !== by <= y) found.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
  });
  return found.sort((a, b) => a - b);
}
