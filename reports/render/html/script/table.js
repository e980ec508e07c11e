// The table for all long lists: search, filters, sorting by heading; at first, a hundred lines.
const LINES = 100;

/**
 * `columns`: {title, value(line), show(line)?, number?, tint(line)?}; `filters`: {label, value(line)};
 * `because(line)`: sentences under a line. Returns {filter(values by label)}.
 */
function listing(container, { label, columns, lines, filters, open, because, sort, prefix, paper }) {
  const first = { column: sort?.column ?? null, down: sort?.down ?? false };
  const wanted = { text: '', by: {}, ...first, all: false, paper: false };
  const texts = new Map();
  const textOf = (entry) => {
    if (!texts.has(entry)) {
      const words = columns.map((column) => column.text?.(entry) ?? column.value(entry) ?? '');
      texts.set(entry, words.join(' ').toLowerCase());
    }
    return texts.get(entry);
  };
  const body = el('tbody');
  const count = el('span', { class: 'count', role: 'status' });
  const rest = el('button', { type: 'button', class: 'quiet', click: () => { wanted.all = true; update(); } });
  const more = el('div', { class: 'more-rows' }, rest);
  const search = el('input', { type: 'search', placeholder: 'Search', 'aria-label': `Search ${label}`,
    input: () => { wanted.text = search.value; update(); } });
  const selects = filters.map((filter) => {
    const found = [...new Set(lines.map(filter.value))].filter((v) => v !== null && v !== undefined);
    return { ...filter, found, node: found.length > 1
      ? select(filter.label, [['', 'all'], ...found.map((v) => [v, String(v).replace('_', ' ')])],
        (value) => { wanted.by[filter.label] = value; update(); })
      : null };
  });
  const headings = columns.map((column, i) => el('th',
    { scope: 'col', class: column.number ? 'n' : null, 'aria-sort': 'none' },
    el('button', { type: 'button', click: () => sortBy(i) }, column.title)));

  function sortBy(i) {
    wanted.down = wanted.column === i ? !wanted.down : Boolean(columns[i].number);
    wanted.column = i;
    update();
  }

  function compare(a, b) {
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    return String(a).localeCompare(String(b), 'en', { numeric: true });
  }

  function chosen() {
    const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = lines.filter((entry) => selects.every(({ label: name, value }) =>
      !wanted.by[name] || String(value(entry)) === wanted.by[name])
      && words.every((word) => textOf(entry).includes(word)));
    if (wanted.column === null) return fits;
    const { value } = columns[wanted.column];
    const known = (v) => v !== null && v !== undefined;
    return fits.sort((x, y) => { // entries without a value come last in both directions
      const [a, b] = [value(x), value(y)];
      if (!known(a) || !known(b)) return known(b) - known(a);
      return compare(a, b) * (wanted.down ? -1 : 1);
    });
  }

  function lineOf(entry) {
    const reasons = because?.(entry) ?? [];
    const cells = columns.map((column, i) => {
      const content = column.show?.(entry) ?? column.value(entry) ?? NOTHING;
      const shown = column.opens
        ? el('button', { type: 'button', class: 'open', click: (event) => { event.stopPropagation(); open(entry); } }, content)
        : content;
      const css = [column.number ? 'n' : '', column.tint?.(entry) ?? ''].join(' ').trim();
      return el(column.opens ? 'th' : 'td', { class: css || null, scope: column.opens ? 'row' : null }, shown);
    });
    const line = el('tr', { class: reasons.length ? 'has-because' : null, click: () => open(entry) }, cells);
    if (!reasons.length) return [line];
    return [line, el('tr', { class: 'because' }, el('td', { colspan: columns.length }, reasons.join('; ')))];
  }

  function update() {
    const fits = chosen();
    const shown = wanted.all || wanted.paper ? fits : fits.slice(0, LINES);
    body.replaceChildren(...shown.flatMap(lineOf));
    headings.forEach((heading, i) => heading.setAttribute('aria-sort',
      wanted.column !== i ? 'none' : wanted.down ? 'descending' : 'ascending'));
    count.textContent = fits.length === lines.length ? `${lines.length} ${lines.length === 1 ? 'row' : 'rows'}` : `${fits.length} of ${lines.length} rows`;
    more.hidden = shown.length === fits.length;
    rest.textContent = `Show all ${fits.length} rows`;
    if (prefix) remember();
  }

  function filter(values) {
    wanted.by = {};
    for (const { label: name, node, found } of selects) {
      const value = found.some((one) => String(one) === values[name]) ? values[name] : '';
      if (node) node.querySelector('select').value = value;
      wanted.by[name] = value;
    }
    update();
  }

  if (prefix) {
    const order = () => (wanted.column === first.column && wanted.down === first.down ? ''
      : `${wanted.column}${wanted.down ? 'down' : 'up'}`);
    addressed(prefix, () => ({ search: wanted.text, sort: order(), ...wanted.by }), (values) => {
      search.value = wanted.text = values.search ?? '';
      const [, column, way] = /^(\d+)(up|down)$/.exec(values.sort ?? '') ?? [];
      const known = columns[column] !== undefined;
      Object.assign(wanted, known ? { column: Number(column), down: way === 'down' } : first);
      filter(values);
    });
  }
  if (paper) {
    addEventListener('beforeprint', () => { wanted.paper = true; update(); });
    addEventListener('afterprint', () => { wanted.paper = false; update(); });
  }

  container.replaceChildren(
    el('div', { class: 'tools' }, search, ...selects.map(({ node }) => node).filter((node) => node), count),
    watchWidth(el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
      el('table', {}, el('thead', {}, el('tr', {}, headings)), body), more)));
  update();
  return { filter };
}
