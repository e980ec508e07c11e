// The cards of all images: their overlays, filters and order.
const FIRST = 12;

function startGallery(open) {
  const lists = [...document.querySelectorAll('#gallery ul')];
  if (!lists.length) return;
  const controls = {};
  drawn.pair = pairNames[pairNames.length - 1] ?? null;
  drawnBackends.forEach((name) => drawn.backends.add(name));
  const cards = lists.flatMap((list) =>
    [...list.children].map((item) => ({ list, item, found: cases[item.dataset.case] })));
  const worse = ({ found }) => [found.failing, found.share < 0 ? Infinity : found.share ?? -1];
  cards.sort((a, b) => worse(b)[0] - worse(a)[0] || worse(b)[1] - worse(a)[1]);
  for (const { list, item, found } of cards) {
    list.append(item);
    item.querySelector('.caption').append(el('small', {}, ...caption(found)));
    item.querySelector('button').addEventListener('click', () => open(found));
  }
  const wanted = { text: '', kind: '', state: '', all: false };
  const count = el('span', { class: 'count', role: 'status' });
  const more = byId('gallery-more');

  const draw = () => cards.forEach(({ item, found }) => {
    if (item.hidden) return;
    const picture = item.querySelector('.picture');
    picture.querySelector('svg')?.remove();
    picture.append(overlay(found, 200));
  });
  const update = () => {
    const fits = cards.filter(({ found }) => found.name.toLowerCase().includes(wanted.text)
      && (!wanted.kind || found.kind === wanted.kind)
      && (!wanted.state || (wanted.state === 'fail') === found.failing > 0));
    const first = lists.flatMap((list) => fits.filter((card) => card.list === list).slice(0, FIRST));
    const shown = new Set(wanted.all ? fits : first);
    cards.forEach((card) => { card.item.hidden = !shown.has(card); });
    count.textContent = `${shown.size} of ${cards.length} images`;
    shownCases.list = () => fits.map(({ found }) => found);
    more.hidden = fits.length <= first.length;
    more.textContent = wanted.all ? 'Show fewer' : `Show all ${fits.length} images`;
    draw();
    remember();
  };
  const change = (name) => (value) => { wanted[name] = value; update(); };

  showOverlayTools();
  addressed('drawn.', drawnWords, drawAgain);
  if (cards.length > FIRST / 2) {
    const kinds = [...new Set(cards.map(({ found }) => found.kind))];
    controls.text = el('input', { type: 'search', placeholder: 'Find an image', 'aria-label': 'Find an image',
      input: () => change('text')(controls.text.value.toLowerCase()) });
    const kind = select('Kind', [['', 'all'], ...kinds.map((name) => [name, name])], change('kind'));
    const state = select('Status', [['', 'all'], ['fail', 'failing'], ['pass', 'passing']], change('state'));
    [controls.kind, controls.state] = [kind, state].map((label) => label.querySelector('select'));
    byId('case-tools').append(controls.text, kind, state);
  }
  byId('case-tools').append(count);
  more.addEventListener('click', () => change('all')(!wanted.all));
  redraws.add(draw);
  addressed('images.', () => ({ ...wanted, all: wanted.all ? 'yes' : '' }), (values) => {
    for (const [name, node] of Object.entries(controls)) {
      node.value = values[name] ?? '';
      wanted[name] = node.value.toLowerCase();
    }
    wanted.all = values.all === 'yes';
    update();
  });
  const everything = (all) => () => { [wanted.all, wanted.before] = all ? [true, wanted.all] : [wanted.before, false]; update(); };
  addEventListener('beforeprint', everything(true));
  addEventListener('afterprint', everything(false));
  update();
}

function caption(found) {
  const status = found.failing ? 'fail' : 'pass';
  const words = found.failing ? `${found.failing} fail` : found.share === null ? 'nothing judged'
    : `${percent(found.share)} of a limit${found.over ? `, ${found.over} over a mean’s` : ''}`;
  return [found.share === null ? '○' : sign(status), ` ${words} · ${found.kind}`];
}
