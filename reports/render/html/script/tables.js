// The three long lists (comparisons, layers, weights), on the page and in the explorer.
const ORDER = ['fail', 'ambiguous', 'not_mapped', 'not_run', 'pass'];
const badness = (row) => {
  const share = row.share === null ? -1 : row.share < 0 ? 1e9 : Math.min(row.share, 1e9);
  return (ORDER.length - ORDER.indexOf(row.status)) * 1e10 + share - (row.judge === 'none' ? 1e10 : 0);
};
const bdi = (text) => el('bdi', {}, text);
const oneLine = (name) => el('code', { title: name }, name ?? NOTHING);
const twoLines = (first, second) => el('span', {}, first, el('span', { class: 'quietly' }, ` ${second}`));

function statusOf(row) {
  if (row.judge === 'none') return el('span', { class: 'quietly' }, 'shown');
  return el('span', { class: `status ${row.status}` }, sign(row.status), ` ${row.status.replace('_', ' ')}`);
}

function rowListing(container, lines, open, prefix) {
  return listing(container, {
    label: 'Comparisons', lines, open, prefix, paper: prefix !== undefined,
    because: (row) => row.reasons,
    sort: { column: 0, down: true },
    columns: [
      { title: 'status', value: badness, text: (row) => row.status, show: statusOf },
      { title: 'quantity', opens: true, value: (row) => `${row.field} ${row.metric}`,
        text: (row) => `${row.field} ${row.output} ${row.metric} ${row.reasons.join(' ')}`,
        show: (row) => twoLines(bdi(row.field), row.metric) },
      { title: 'stage', value: (row) => row.stage, text: (row) => `${row.stage} ${row.mode}`,
        show: (row) => twoLines(row.stage, row.mode) },
      { title: 'model', value: (row) => row.model, show: (row) => bdi(row.model) },
      { title: 'backend', value: (row) => row.backend, show: (row) => bdi(row.backend) },
      { title: 'against', value: (row) => row.reference },
      { title: 'value', number: true, value: (row) => row.value, show: (row) => figure(row.value, row.unit) },
      { title: 'limit', number: true, value: (row) => row.limit, show: (row) => figure(row.limit) },
      { title: 'picture allows', number: true, value: (row) => row.sensitivity, show: (row) => figure(row.sensitivity) },
      { title: 'of limit', number: true, value: (row) => (row.share < 0 ? 1e300 : row.share), show: (row) => percent(row.share) },
      { title: '× floor', number: true, value: (row) => row.multiple, show: (row) => figure(row.multiple) },
      { title: 'worst input', value: (row) => row.worst_case, show: (row) => bdi(row.worst_case ?? NOTHING) },
    ],
    filters: [
      { label: 'Status', value: (row) => (row.judge === 'none' ? 'not judged' : row.status) },
      { label: 'Model', value: (row) => row.model },
      { label: 'Backend', value: (row) => row.backend },
      { label: 'Stage', value: (row) => row.stage },
    ],
  });
}

function layerListing(container, lines, open, prefix) {
  const kinds = [['cumulative', 0], ['local', 1]];
  return listing(container, {
    label: 'Layers', lines, open, prefix,
    because: (layer) => layer.guilty.map((backend) => `culprit of ${backend}: the first layer with a high local error`),
    columns: [
      { title: 'operator', value: (layer) => layer.op, number: true },
      { title: 'kind', opens: true, value: (layer) => layer.operator },
      { title: 'model', value: (layer) => report.models[layer.model], show: (layer) => bdi(report.models[layer.model]) },
      ...report.layers.backends.flatMap((name, b) => kinds.map(([kind, k]) => ({
        title: `${name} ${kind}`, number: true,
        value: (layer) => layer.measured[b][k],
        show: (layer) => (layer.measured[b][2] === 'not_mapped' ? 'not mapped' : times(layer.measured[b][k])),
        tint: (layer) => level(layer.measured[b][k]),
      }))),
      { title: 'tensor', value: (layer) => layer.tensor, show: (layer) => oneLine(layer.tensor) },
      { title: 'shape', value: (layer) => shape(layer.shape) },
      { title: 'module', value: (layer) => layer.module, show: (layer) => oneLine(layer.module) },
      { title: 'MIL operation', value: (layer) => layer.mil, show: (layer) => oneLine(layer.mil) },
    ],
    filters: [
      { label: 'Model', value: (layer) => report.models[layer.model] },
      { label: 'Kind', value: (layer) => layer.operator },
      { label: 'Status', value: (layer) => ORDER.find((status) => layer.measured.some((m) => m[2] === status)) },
    ],
  });
}

function tensorListing(container, lines, open, prefix) {
  const digest = (name) => (row) => el('code', { title: `SHA-256 ${row[name]}` }, short(row[name]));
  return listing(container, {
    label: 'Weights', lines, open, prefix,
    columns: [
      { title: 'parameter', opens: true, value: (row) => row.key, show: (row) => oneLine(row.key) },
      { title: 'model', value: (row) => report.models[row.model], show: (row) => bdi(report.models[row.model]) },
      { title: 'shape', value: (row) => shape(row.shape) },
      { title: 'stored as', value: (row) => `${row.stored_dtype}${row.sparse ? ', sparse' : ''}` },
      { title: 'transform', value: (row) => row.transform },
      { title: 'operator', number: true, value: (row) => row.operator },
      { title: 'tensor in the file', value: (row) => row.name, show: (row) => oneLine(row.name) },
      { title: 'SHA-256 stored', value: (row) => row.source_sha256, show: digest('source_sha256') },
      { title: 'SHA-256 here', value: (row) => row.value_sha256, show: digest('value_sha256') },
    ],
    filters: [
      { label: 'Model', value: (row) => report.models[row.model] },
      { label: 'Stored as', value: (row) => row.stored_dtype },
      { label: 'Transform', value: (row) => row.transform },
    ],
  });
}
