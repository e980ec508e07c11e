// Builds elements from data. Data becomes text and attribute values only, never markup.
const report = JSON.parse(document.getElementById('island').textContent);
const SIGNS = { pass: '✓', fail: '✗', not_run: '○', not_mapped: '–', ambiguous: '?' };
const NOTHING = '–';
const byId = (id) => document.getElementById(id);

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat(2).filter((child) => child !== null && child !== undefined));
  return node;
}

const el = (tag, attributes = {}, ...children) =>
  build(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  build(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

/** `{columns, lines}` as objects; `index` is the line's number. */
const decode = (table) =>
  table.lines.map((line, index) =>
    Object.assign(Object.fromEntries(table.columns.map((name, i) => [name, line[i]])), { index }));

const rows = decode(report.rows);
const layers = decode(report.layers);
const tensors = decode(report.tensors);
const cases = report.cases.map((found, index) => ({ ...found, index }));
const caseNamed = new Map(cases.map((found) => [found.name, found]));

/** Case `name#1` in a row is the second hand of case `name`. */
const caseOf = (name) =>
  name === null ? undefined : caseNamed.get(name) ?? caseNamed.get(name.replace(/#\d+$/, ''));

/** Three digits, as in the rest of the page. */
function figure(value, unit = '') {
  if (value === null || value === undefined) return NOTHING;
  if (typeof value === 'string') return value;
  const size = Math.abs(value);
  const text = (Number.isInteger(value) && size < 1e6) ? value.toLocaleString('en')
    : size >= 1e-4 && size < 1e7
      ? (size >= 1000 ? Number(value.toPrecision(3)).toLocaleString('en') : String(Number(value.toPrecision(3))))
      : value.toExponential(2).replace(/\.?0+e/, 'e').replace('e+', 'e');
  return `${text} ${unit}`.trim();
}

const times = (value) => (value === null || value === undefined ? NOTHING : `${figure(value)} ×`);
const shape = (sizes) => (sizes && sizes.length ? sizes.join('×') : 'scalar');
const short = (digest) => (digest ? digest.slice(0, 8) : NOTHING);

/** A share of a limit as a percentage; −1 means infinite. */
function percent(share) {
  if (share === null || share === undefined) return NOTHING;
  if (share < 0) return 'beyond';
  if (share >= 10) return `${figure(share)} ×`;
  if (share > 0 && share < 1e-4) return '< 0.01 %';
  return `${share >= 0.01 ? Math.round(share * 100) : figure(share * 100)} %`;
}

const level = (multiple) => {
  if (multiple === null || multiple === undefined) return '';
  const share = multiple / report.multiple;
  return `l${[0.01, 0.1, 0.5, 1, 10].filter((bound) => share > bound).length}`;
};

const sign = (status) =>
  el('span', { class: `sign ${status}`, role: 'img', 'aria-label': status.replace('_', ' ') },
    SIGNS[status] ?? '·');

/** Marks what is wider than its place, so that the style can say that it scrolls. */
const widths = new ResizeObserver((entries) => {
  for (const node of new Set(entries.map(({ target }) => target.closest('.scroll, nav')))) {
    node.classList.toggle('wide', node.scrollWidth > node.clientWidth + 1);
  }
});
function watchWidth(node) {
  for (const one of [node, ...node.children]) widths.observe(one);
  return node;
}

const pairs = (entries) =>
  el('dl', { class: 'pairs' }, entries.filter((entry) => entry).map(([name, value]) =>
    el('div', {}, el('dt', {}, name), el('dd', {}, value ?? NOTHING))));
