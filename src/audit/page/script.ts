/**
 * What the page does: a square is drawn over the embedding with the mouse or a finger, or moved with the keys, and the
 * images in it are shown and counted.
 */
export const SCRIPT = `
for (const section of document.querySelectorAll('[data-embedding]')) {
  const { points, sprite, side, columns, size } = JSON.parse(section.querySelector('script').textContent);
  const svg = section.querySelector('svg');
  const box = svg.querySelector('.box');
  const dots = [...svg.querySelectorAll('circle')];
  const status = section.querySelector('[role=status]');
  const shown = section.querySelector('.chosen');
  const buttons = [...section.querySelectorAll('button[data-cluster]')];
  let at = { x: 40, y: 40, width: 20, height: 20 };
  const choose = (inside, what) => {
    const chosen = points.map((point, i) => i).filter((i) => inside(points[i]));
    dots.forEach((dot, i) => dot.classList.toggle('on', chosen.includes(i)));
    const counts = new Map();
    for (const i of chosen) counts.set(points[i][2], (counts.get(points[i][2]) ?? 0) + 1);
    const parts = [...counts].sort((a, b) => a[0] - b[0]).map(([id, count]) => count + ' of cluster ' + id);
    const one = chosen.length === 1 ? ' image' : ' images';
    status.textContent = what + ': ' + chosen.length + one + (what === 'In the square' && parts.length ? ' (' + parts.join(', ') + ')' : '');
    shown.replaceChildren(...chosen.slice(0, 120).map((i) => {
      const cell = document.createElement('span');
      cell.className = 'thumb c' + points[i][2] % 8;
      cell.title = points[i][3];
      cell.setAttribute('role', 'img');
      cell.setAttribute('aria-label', points[i][3]);
      const show = 44, scale = show / side;
      cell.style.backgroundImage = 'url(' + sprite + ')';
      cell.style.backgroundSize = columns * side * scale + 'px auto';
      cell.style.backgroundPosition = -(i % columns) * show + 'px ' + -Math.floor(i / columns) * show + 'px';
      return cell;
    }));
  };
  const byBox = () => {
    for (const [name, value] of Object.entries(at)) box.setAttribute(name, value);
    box.style.display = '';
    for (const button of buttons) button.setAttribute('aria-pressed', 'false');
    choose(([x, y]) => x >= at.x && x <= at.x + at.width && y >= at.y && y <= at.y + at.height, 'In the square');
  };
  const place = (event) => {
    const area = svg.getBoundingClientRect();
    return [((event.clientX - area.left) / area.width) * size, ((event.clientY - area.top) / area.height) * size];
  };
  let from;
  svg.addEventListener('pointerdown', (event) => { from = place(event); svg.setPointerCapture(event.pointerId); });
  svg.addEventListener('pointermove', (event) => {
    if (!from) return;
    const [x, y] = place(event);
    at = { x: Math.min(x, from[0]), y: Math.min(y, from[1]), width: Math.abs(x - from[0]), height: Math.abs(y - from[1]) };
    byBox();
  });
  const release = () => { from = undefined; };
  svg.addEventListener('pointerup', release);
  svg.addEventListener('pointercancel', release);
  svg.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: [-4, 0], ArrowRight: [4, 0], ArrowUp: [0, -4], ArrowDown: [0, 4] }[event.key];
    if (step) at = { ...at, x: Math.max(0, Math.min(size - at.width, at.x + step[0])), y: Math.max(0, Math.min(size - at.height, at.y + step[1])) };
    else if (event.key === '+' || event.key === '-') {
      const side = Math.max(4, Math.min(size, at.width + (event.key === '+' ? 4 : -4)));
      at = { x: Math.min(at.x, size - side), y: Math.min(at.y, size - side), width: side, height: side };
    } else return;
    event.preventDefault();
    byBox();
  });
  for (const button of buttons) button.addEventListener('click', () => {
    for (const other of buttons) other.setAttribute('aria-pressed', String(other === button));
    box.style.display = 'none';
    choose((point) => String(point[2]) === button.dataset.cluster, 'Cluster ' + button.dataset.cluster);
  });
}
`
