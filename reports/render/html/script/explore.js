// The explorer: image → stage → layer → tensor → weights, each a view with a trail back.
const trail = []; // {title, show(), key: its name and value in the address, beside: [before, after]}
const METRICS = [
  ['largest error', 'max_abs'], ['mean error', 'mean_abs'], ['median', 'p50'], ['99 %', 'p99'], ['99.9 %', 'p999'],
  ['rmse', 'rmse'], ['relative L2', 'rel_l2'], ['SNR, dB', 'snr_db'], ['PSNR, dB', 'psnr_db'], ['cosine', 'cosine'],
  ['float16 spacings', 'half_units'], ['reference’s peak', 'peak'], ['values compared', 'elements'],
  ['inputs with equal bits', 'equal_inputs'], ['bits differ', 'unequal'], ['not finite, reference', 'nonfinite_reference'], ['not finite, backend', 'nonfinite_candidate'],
];

function visit(title, show, fresh = false, key = null, beside = () => []) {
  if (fresh) trail.length = 0;
  trail.push({ title, show, key, beside });
  showTrail();
  if (!byId('explorer').open) byId('explorer').showModal();
}

function showTrail() {
  const last = trail[trail.length - 1];
  byId('trail').replaceChildren(...trail.map((step, i) => el('button', {
    type: 'button', id: step === last ? 'explorer-title' : null, 'aria-current': step === last ? 'page' : null,
    click: () => { trail.length = i + 1; showTrail(); },
  }, foldable(step.title))));
  redraws.delete(explorerRedraw.current);
  byId('explorer-body').replaceChildren(...last.show().flat().filter((node) => node));
  byId('explorer').scrollTop = 0;
  const [before, after] = last.beside();
  for (const [id, open] of [['explorer-before', before], ['explorer-after', after]]) {
    byId(id).hidden = last.beside().length === 0;
    byId(id).disabled = !open;
    byId(id).onclick = open ?? null;
  }
  remember();
}

/** What is open, for the address; a list in between has no name there. */
function opened() {
  const named = trail.filter((step) => step.key);
  return named.length ? Object.fromEntries([named[named.length - 1].key]) : {};
}

function openAgain(values) {
  const [[name, value] = []] = Object.entries(values);
  const ways = { case: [caseNamed.get(value), openCase], row: [rows[value], openRow],
    layer: [layers[value], openLayer], tensor: [tensors[value], openTensor] };
  const [found, open] = ways[name] ?? [];
  if (found) open(found);
  else if (byId('explorer').open) byId('explorer').close();
}
const explorerRedraw = { current: null };

/** A name that may go on in the next line after a mark that joins its words. */
const foldable = (name) => el('bdi', {}, name.split(/(?<=[-_./:~])(?=[^-_./:~])/)
  .map((word, i) => [i ? el('wbr') : null, word]));
const exact = (value) => (typeof value === 'number' ? String(Number(value.toPrecision(8))) : NOTHING);
const button = (text, click) => el('button', { type: 'button', class: 'quiet', click }, text);
const heading = (text) => el('h3', {}, text);
const nested = (make, lines, open) => {
  const box = el('div', { class: 'listing' });
  make(box, lines, open);
  return box;
};

const shownCases = { list: () => cases }; // in the gallery's order
function openCase(found, fresh = true) {
  const worst = rows[found.worst];
  if (!recalling) { // a link says which pair
    drawn.pair = pairNames.find((pair) => worst && pair.split(' + ').includes(worst.model)) ?? drawn.pair;
    redraw();
  }
  const beside = () => {
    const list = shownCases.list();
    const at = list.indexOf(found);
    return at < 0 ? [] : [-1, 1].map((step) => list[at + step] && (() => openCase(list[at + step])));
  };
  visit(found.name, () => caseView(found), fresh, ['case', found.name], beside);
}
const openRow = (row, fresh = true) =>
  visit(`${row.field}, ${row.metric} · ${row.backend}`, () => rowView(row), fresh, ['row', String(row.index)]);
const openLayer = (layer, fresh = true) =>
  visit(`${layer.op} ${layer.operator}`, () => layerView(layer), fresh, ['layer', String(layer.index)]);
const openTensor = (tensor, fresh = true) =>
  visit(tensor.key, () => tensorView(tensor), fresh, ['tensor', String(tensor.index)]);

function caseView(found) {
  const measured = rows.filter((row) => found.values[row.index] !== null)
    .map((row) => ({ ...row, over: row.judge !== 'none' && beyond(row, found.values[row.index]) }));
  const worst = rows[found.worst];
  const leads = ([model, own]) => 2 * (model === worst?.model) + own.some((row) => row.over);
  const models = group(measured.sort((a, b) => a.place - b.place), (row) => row.model)
    .sort((a, b) => leads(b) - leads(a));
  const stages = models.flatMap(([model, own]) => [
    heading(bdi(model)),
    ...group(own, (row) => `${row.stage}, ${row.mode}`).map(([, lines]) => stageView(found, lines)),
  ]);
  const hands = Object.entries(found.hands[drawn.pair] ?? {});
  return [worst ? worstHere(found, worst) : null, el('div', { class: 'twofold' },
    el('div', {}, found.width ? bigPicture(found) : null, pairs([
      ['kind', found.kind],
      found.credit ? ['credit', found.credit] : null,
      found.width ? ['size', `${found.width}×${found.height}`] : null,
      ['SHA-256', el('code', {}, found.sha256)],
      ...hands.map(([name, list]) => [bdi(name), handWords(list)]),
    ])),
    el('div', {}, stages.length ? stages : el('p', {}, 'This image was not measured.')))];
}

/** What uses most of its limit on this picture. */
function worstHere(found, row) {
  const value = figure(found.values[row.index], row.unit);
  return el('p', { class: 'worst' }, 'Worst here: ',
    el('button', { type: 'button', class: 'open', click: () => openRow(row, false) },
      bdi(`${row.model}, ${row.backend}, ${row.field}, ${row.metric}`)),
    `: ${value}, ${percent(found.share)}${found.share < 0 || found.share >= 10 ? '' : ' of'} its limit.`);
}

/** [key, lines] in order of the keys' first appearance. */
function group(lines, keyOf) {
  const found = new Map();
  for (const entry of lines) {
    if (!found.has(keyOf(entry))) found.set(keyOf(entry), []);
    found.get(keyOf(entry)).push(entry);
  }
  return [...found];
}

function stageView(found, lines) {
  const bad = lines.filter((row) => row.over).length;
  const words = bad ? `${bad} of ${lines.length} beyond their limit` : `${lines.length} values`;
  return el('details', { open: bad > 0 || lines.some((row) => row.index === found.worst) },
    el('summary', {}, sign(bad ? 'fail' : 'pass'), ` ${lines[0].stage} `,
      el('span', { class: 'quietly' }, `${lines[0].mode}, ${words}`)),
    stageTable(found, lines));
}

function handWords(hands) {
  const words = (hand) => ['score', 'presence', 'handedness']
    .filter((name) => hand[name] !== null).map((name) => `${name} ${figure(hand[name])}`).join(', ');
  return hands.length ? hands.map(words).join('; ') : 'no hand';
}

function bigPicture(found) {
  const source = document.querySelector(`#gallery li[data-case="${found.index}"] img`);
  const box = el('span', { class: 'picture' }, source
    ? el('img', { src: source.src, alt: found.name, width: found.width, height: found.height }) : null);
  const draw = () => { box.querySelector('svg')?.remove(); box.append(overlay(found, 620)); };
  explorerRedraw.current = draw;
  redraws.add(draw);
  draw();
  return [box, el('div', { class: 'tools', role: 'group', 'aria-label': 'What is drawn' }, overlayTools().filter((tool) => tool))];
}

function beyond(row, value) {
  if (row.limit === null || value === null) return false;
  return report.least.includes(row.metric) ? value < row.limit : value > row.limit;
}

function stageTable(found, lines) {
  const isWorst = (row) => row.index === found.worst;
  const order = [...lines].sort((a, b) => isWorst(b) - isWorst(a) ||
    b.over - a.over || (a.judge === 'none') - (b.judge === 'none') || a.index - b.index);
  const line = (row) => el('tr', { class: isWorst(row) ? 'marked' : null },
    el('th', { scope: 'row' }, isWorst(row) ? el('b', { class: 'mark' }, 'worst ') : null,
      row.limit === null || row.judge === 'none' ? null : [sign(row.over ? 'fail' : 'pass'), ' '],
      el('button', { type: 'button', class: 'open', click: () => openRow(rows[row.index], false) },
        bdi(row.field), el('span', { class: 'quietly' }, ` ${row.metric}`))),
    el('td', {}, bdi(row.backend)), el('td', {}, row.reference),
    el('td', { class: 'n' }, figure(found.values[row.index], row.unit)),
    el('td', { class: 'n' }, figure(row.limit)));
  return watchWidth(el('div', { class: 'scroll' }, el('table', {},
    el('thead', {}, el('tr', {},
      ['quantity', 'backend', 'against'].map((text) => el('th', { scope: 'col' }, text)),
      ['here', 'limit'].map((text) => el('th', { scope: 'col', class: 'n' }, text)))),
    el('tbody', {}, order.map(line)))));
}

const JUDGES = { floor: 'the noise floor', bits: 'equality of bits', task: 'the task’s limits' };
const worstWords = ([name, index, reference, candidate]) =>
  `[${index.join(', ')}] of ${name}: ${exact(candidate)}, the reference has ${exact(reference)}`;

function rowView(row) {
  const model = report.models.indexOf(row.model);
  const worst = caseOf(row.worst_case);
  const own = layers.filter((layer) => layer.model === model);
  const weights = tensors.filter((tensor) => tensor.model === model);
  const toLayers = () => visit('layers', () => [nested(layerListing, own, (layer) => openLayer(layer, false))]);
  const toWeights = () => visit('weights', () => [nested(tensorListing, weights, (t) => openTensor(t, false))]);
  return [
    el('p', {}, el('span', { class: `status ${row.status}` }, sign(row.status), ` ${row.status.replace('_', ' ')}`),
      row.judge === 'none' ? ' (shown, not judged)' : ` (judged by ${JUDGES[row.judge] ?? row.judge})`),
    row.reasons.length ? el('ul', { class: 'reasons' }, row.reasons.map((reason) => el('li', {}, reason))) : null,
    el('p', { class: 'tools' },
      worst ? button(`Its worst input: ${worst.name}`, () => openCase(worst, false)) : null,
      own.length ? button('Layers of the model', toLayers) : null,
      weights.length ? button('Weights of the model', toWeights) : null),
    strip(row),
    el('div', { class: 'twofold' },
      pairs([
        ['model', bdi(row.model)],
        ['stage', `${row.stage}, ${row.mode}`],
        ['output', el('code', {}, row.output)],
        ['backend', bdi(row.backend)],
        ['against', row.reference],
        ['inputs', row.inputs],
        ['value', figure(row.value, row.unit)],
        ['limit', figure(row.limit, row.unit)],
        ['of the limit', percent(row.share)],
        row.sensitivity === null ? null
          : ['half a grey level of noise', `moves float32 there to ${figure(row.sensitivity, row.unit)}`
            + (row.allowed ? ', which allows the value' : '')],
        row.most === null ? null : ['all but 1 % of the inputs', figure(row.most, row.unit)],
        row.median === null ? null : ['half of the inputs', figure(row.median, row.unit)],
        row.floor === null ? null : ['floor', figure(row.floor)],
        row.multiple === null ? null : ['floors', times(row.multiple)],
        row.worst === null ? null : ['worst element', worstWords(row.worst)],
        ...row.problems.map((problem) => ['problem', problem]),
      ]),
      row.elements === null ? null : pairs(METRICS.map(([title, name]) => [title, figure(row[name])])))];
}

/** A row's value on every input as a dot on a logarithmic scale, with the limit as a line. */
function strip(row) {
  const found = cases.filter((one) => one.values[row.index] !== null && one.values[row.index] > 0);
  if (found.length < 2) return null;
  const logs = [...found.map((one) => one.values[row.index]), ...(row.limit > 0 ? [row.limit] : [])].map(Math.log10);
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const y = (value) => 80 - 70 * (high > low ? (Math.log10(value) - low) / (high - low) : 0.5);
  const step = 1000 / found.length;
  const dot = (one, i) => {
    const value = one.values[row.index];
    return svg('path', {
      class: `dot${beyond(row, value) ? ' over' : ''}`, 'vector-effect': 'non-scaling-stroke',
      d: `M${(i + 0.5) * step} ${y(value)}h0.01`, click: () => openCase(one, false),
    }, svg('title', {}, `${one.name}: ${figure(value, row.unit)}`));
  };
  const limit = row.limit > 0 ? '; the line is the limit' : '';
  return el('figure', {},
    svg('svg', { class: 'strip', viewBox: '0 0 1000 90', preserveAspectRatio: 'none', role: 'img',
      'aria-label': 'Value on every input' },
      row.limit > 0 ? svg('line', { x1: 0, x2: 1000, y1: y(row.limit), y2: y(row.limit) }) : null,
      found.map(dot)),
    el('figcaption', { class: 'legend' }, `Value on each of ${found.length} inputs, logarithmic${limit}.`));
}

const measuredWords = ([cumulative, local, status]) =>
  (status === null ? NOTHING
    : `${status.replace('_', ' ')}: cumulative ${times(cumulative)}, local ${times(local)}`);

function layerView(layer) {
  const weights = tensors.filter((tensor) => tensor.model === layer.model && tensor.operator === layer.op);
  return [
    pairs([
      ['model', bdi(report.models[layer.model])],
      ['operator', `${layer.op} ${layer.operator}`],
      ['tensor', el('code', {}, layer.tensor)],
      ['shape', shape(layer.shape)],
      ['module', el('code', {}, layer.module ?? NOTHING)],
      ['MIL operation', el('code', {}, layer.mil ?? NOTHING)],
      ...report.layers.backends.map((name, b) => [bdi(name), measuredWords(layer.measured[b])]),
      layer.guilty.length ? ['culprit of', layer.guilty.join(', ')] : null,
    ]),
    heading('Weights of this operator'),
    weights.length ? nested(tensorListing, weights, (tensor) => openTensor(tensor, false))
      : el('p', { class: 'quietly' }, 'This operator has no weights.')];
}

function tensorView(tensor) {
  const layer = layers.find((one) => one.model === tensor.model && one.op === tensor.operator);
  return [
    pairs([
      ['model', bdi(report.models[tensor.model])],
      ['parameter', el('code', {}, tensor.key)],
      ['shape here', `${shape(tensor.shape)} ${tensor.dtype}`],
      ['tensor in the file', el('code', {}, tensor.name)],
      ['stored as', `${shape(tensor.stored_shape)} ${tensor.stored_dtype}${tensor.sparse ? ', sparse' : ''}`],
      ['unpacked by', tensor.folded.join(', ') || 'nothing'],
      ['transform', tensor.transform],
      ['SHA-256 stored', el('code', {}, tensor.source_sha256)],
      ['SHA-256 here', el('code', {}, tensor.value_sha256)],
    ]),
    layer ? el('p', { class: 'tools' },
      button(`Its operator: ${layer.op} ${layer.operator}`, () => openLayer(layer, false))) : null];
}
