/**
 * Script of the page. Choosers show one method's pictures and those of one class; long grids show a page at a time. Without
 * scripts everything is shown.
 */
export const SCRIPT = `
const PAGE = 6;
const pages = new Map();
function refresh(grid) {
  const all = [...grid.querySelectorAll('figure')];
  const wanted = grid.dataset.chosen ?? '';
  const matching = all.filter((figure) => wanted === '' || figure.dataset.class === wanted);
  const first = Math.min(pages.get(grid) ?? 0, Math.max(0, matching.length - 1));
  const shown = matching.slice(first, first + PAGE);
  for (const figure of all) figure.hidden = !shown.includes(figure);
  const pager = grid.nextElementSibling;
  if (!pager?.matches('.pager')) return;
  pager.hidden = matching.length <= PAGE;
  const [previous, text, next] = pager.children;
  previous.disabled = first === 0;
  next.disabled = first + PAGE >= matching.length;
  text.textContent = (first + 1) + ' to ' + (first + shown.length) + ' of ' + matching.length;
}
function button(label, grid, step) {
  const made = document.createElement('button');
  made.textContent = label;
  made.addEventListener('click', () => {
    pages.set(grid, Math.max(0, (pages.get(grid) ?? 0) + step));
    refresh(grid);
  });
  return made;
}
for (const grid of document.querySelectorAll('.grid')) {
  if (grid.children.length > PAGE) {
    const pager = document.createElement('p');
    pager.className = 'pager';
    const text = document.createElement('span');
    text.setAttribute('aria-live', 'polite');
    pager.append(button('Previous', grid, -PAGE), text, button('Next', grid, PAGE));
    grid.after(pager);
  }
  refresh(grid);
}
for (const select of document.querySelectorAll('select[data-classes]')) {
  select.addEventListener('change', () => {
    for (const grid of document.querySelectorAll('[data-in="' + select.dataset.classes + '"] .grid')) {
      grid.dataset.chosen = select.value;
      pages.set(grid, 0);
      refresh(grid);
    }
  });
}
for (const select of document.querySelectorAll('select[data-group]')) {
  const show = () => {
    for (const section of document.querySelectorAll('[data-in="' + select.dataset.group + '"]')) section.hidden = section.dataset.key !== select.value;
  };
  select.addEventListener('change', show);
  show();
}
`
