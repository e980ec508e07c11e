// Draws landmarks over a picture, in pixels of the full-size image: bones by finger, joints by backend.
const drawn = { pair: null, backends: new Set(), truth: true, boxes: false, magnify: 1 };
const redraws = new Set(); // called when `drawn` changes
const pairNames = [...new Set(cases.flatMap((found) => Object.keys(found.hands)))];
const drawnBackends = [...new Set(cases.flatMap((found) =>
  Object.values(found.hands).flatMap((hands) => Object.keys(hands))))];
const place = (backend) => `b${drawnBackends.indexOf(backend) % 8}`;

const MARKERS = [
  (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  (x, y, r) => `M${x} ${y - r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`,
  (x, y, r) => `M${x - r * 0.8} ${y - r * 0.8}h${r * 1.6}v${r * 1.6}h${-r * 1.6}z`,
  (x, y, r) => `M${x} ${y - r}l${r} ${r * 1.7}h${-2 * r}z`,
  (x, y, r) => `M${x} ${y + r}l${r} ${-r * 1.7}h${-2 * r}z`,
];

function marker(backend, points, radius) {
  const order = drawnBackends.indexOf(backend);
  const size = radius * Math.max(0.55, 1 - order * 0.12); // later markers fit inside earlier ones
  const shapeOf = MARKERS[order % MARKERS.length];
  return points.filter(whole).map(([x, y]) => shapeOf(x, y, size)).join('');
}

const whole = (point) => point.every((v) => v !== null && Math.abs(v) < 1e6);
const couples = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);

/** A hand's 21 points, and each one's offset from LiteRT's hand if it has a partner there. */
function pointsOf(hands, hand) {
  if (hand.points) return { points: couples(hand.points), off: null };
  if (!hand.off) return { points: [], off: null };
  const from = couples(hands[report.reference][hand.of].points);
  const off = couples(hand.off);
  return { points: from.map(([x, y], i) => [x + off[i][0], y + off[i][1]]), off, from };
}

const line = (points) => (points.every(whole) ? `M${points.map((p) => p.join(' ')).join('L')}` : '');

function bones(points) {
  const palm = report.palm.map(([a, b]) => line([points[a], points[b]])).join('');
  return [[palm, 'palm'], ...report.fingers.map(([chain, name]) => [line(chain.map((i) => points[i])), name])];
}

/** The overlay of a case; `shown` is its approximate width on the screen, in CSS pixels. */
function overlay(found, shown) {
  const unit = Math.max(found.width, 1) / shown;
  const hands = found.hands[drawn.pair] ?? {};
  const under = svg('g', { class: 'under' }), over = svg('g'), joints = svg('g'), vectors = svg('g');
  const fixed = { 'vector-effect': 'non-scaling-stroke' };
  const large = shown > 300;
  const thick = large ? 2.4 : 1.6;
  for (const backend of drawnBackends.filter((name) => drawn.backends.has(name))) {
    for (const hand of hands[backend] ?? []) {
      const { points, off, from } = pointsOf(hands, hand);
      if (drawn.boxes && hand.box.every((v) => v !== null)) {
        const [left, top, right, bottom] = hand.box;
        over.append(svg('rect', { ...fixed, class: `box ${place(backend)}`, 'stroke-width': 1.2, x: left, y: top,
          width: Math.max(right - left, 0), height: Math.max(bottom - top, 0) }));
      }
      if (!points.length) continue;
      for (const [d, finger] of bones(points)) {
        under.append(svg('path', { ...fixed, d, class: 'bone under', 'stroke-width': thick + 1.6 }));
        over.append(svg('path', { ...fixed, d, class: `bone f-${finger}`, 'stroke-width': thick }));
      }
      joints.append(svg('path', { ...fixed, d: marker(backend, points, unit * (large ? 3.8 : 1.5)),
        class: `joint ${place(backend)}`, 'stroke-width': large ? 0.8 : 0.3 }));
      if (off && drawn.magnify > 1) {
        const ends = from.map(([x, y], i) => [x + off[i][0] * drawn.magnify, y + off[i][1] * drawn.magnify]);
        const d = from.map((start, i) => line([start, ends[i]])).join('') + marker(backend, ends, unit * 1.6);
        vectors.append(svg('path', { ...fixed, d, class: 'bone under', 'stroke-width': 3.2 }),
          svg('path', { ...fixed, d, class: `offset ${place(backend)}`, 'stroke-width': 1.5 }));
      }
    }
  }
  const truth = svg('g');
  for (const flat of drawn.truth ? found.truth : []) {
    const d = couples(flat).filter(whole).map(([x, y]) => MARKERS[0](x, y, unit * (large ? 6 : 2.9))).join('');
    truth.append(svg('path', { ...fixed, d, class: 'truth rim', 'stroke-width': large ? 2.4 : 1.6 }),
      svg('path', { ...fixed, d, class: 'truth', 'stroke-width': large ? 1.1 : 0.8 }));
  }
  return svg('svg', { viewBox: `0 0 ${Math.max(found.width, 1)} ${Math.max(found.height, 1)}`, 'aria-hidden': 'true' },
    under, over, joints, truth, vectors);
}

function redraw() { for (const again of redraws) again(); remember(); }

/** What is drawn, for the address: what is not as at first. */
function drawnWords() {
  const hidden = drawnBackends.filter((name) => !drawn.backends.has(name));
  return { pair: drawn.pair === pairNames[pairNames.length - 1] ? '' : drawn.pair, hidden: hidden.join('\n'),
    magnify: drawn.magnify > 1 ? String(drawn.magnify) : '', truth: drawn.truth ? '' : 'no', boxes: drawn.boxes ? 'yes' : '' };
}

function drawAgain(words) {
  const hidden = (words.hidden ?? '').split('\n');
  drawn.pair = pairNames.includes(words.pair) ? words.pair : pairNames[pairNames.length - 1] ?? null;
  drawn.backends = new Set(drawnBackends.filter((name) => !hidden.includes(name)));
  drawn.magnify = Math.min(Math.max(Number(words.magnify) || 1, 1), 1e4);
  drawn.truth = words.truth !== 'no';
  drawn.boxes = words.boxes === 'yes';
  showOverlayTools();
  redraw();
}

const showOverlayTools = () => byId('overlay-tools')?.replaceChildren(...overlayTools().filter((tool) => tool));

function checkbox(label, checked, onChange, ...before) {
  const input = el('input', { type: 'checkbox', change: () => onChange(input.checked) });
  input.checked = checked;
  return el('label', {}, input, ...before, label);
}

const swatch = (backend) =>
  svg('svg', { class: 'swatch', viewBox: '-8 -8 16 16', 'aria-hidden': 'true' },
    svg('path', { d: marker(backend, [[0, 0]], 7), class: `joint ${place(backend)}` }));

/** Controls for `drawn`: pair, backends, truth, boxes, and the magnification slider. */
function overlayTools() {
  const choose = (name) => (on) => { drawn.backends[on ? 'add' : 'delete'](name); redraw(); };
  const output = el('output', {}, `× ${drawn.magnify.toLocaleString('en')}`);
  const slider = el('input', { type: 'range', min: 0, max: 4, step: 0.25, 'aria-label': 'Magnify differences from LiteRT',
    input: () => {
      drawn.magnify = Number((10 ** slider.value).toPrecision(2));
      output.textContent = `× ${drawn.magnify.toLocaleString('en')}`;
      slider.setAttribute('aria-valuetext', `${drawn.magnify} times`);
      redraw();
    } });
  slider.value = Math.log10(drawn.magnify);
  return [
    pairNames.length > 1
      ? select('Pair', pairNames.map((name) => [name, name]), (name) => { drawn.pair = name; redraw(); }, drawn.pair)
      : null,
    ...drawnBackends.map((name) => checkbox(name, drawn.backends.has(name), choose(name), swatch(name))),
    cases.some((found) => found.truth.length)
      ? checkbox('truth', drawn.truth, (on) => { drawn.truth = on; redraw(); }) : null,
    checkbox('boxes', drawn.boxes, (on) => { drawn.boxes = on; redraw(); }),
    drawnBackends.length > 1 ? el('label', {}, 'differences', slider, output) : null,
  ];
}

function select(label, options, onChange, value = '') {
  const node = el('select', { 'aria-label': label, change: () => onChange(node.value) },
    options.map(([key, text]) => el('option', { value: key }, text)));
  node.value = value;
  return el('label', {}, label, node);
}
