// The cards of all images: their overlays, filters and order.
const FIRST = 12;

function startGallery(open) {
  const lists = [...document.querySelectorAll('#gallery ul')];
  if (!lists.length) return;
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
    more.hidden = fits.length <= first.length;
    more.textContent = wanted.all ? 'Show fewer' : `Show all ${fits.length} images`;
    draw();
  };
  const change = (name) => (value) => { wanted[name] = value; update(); };

  byId('overlay-tools').append(...overlayTools().filter((tool) => tool));
  if (cards.length > FIRST / 2) {
    const kinds = [...new Set(cards.map(({ found }) => found.kind))];
    const search = el('input', { type: 'search', placeholder: 'Find an image', 'aria-label': 'Find an image',
      input: () => change('text')(search.value.toLowerCase()) });
    byId('case-tools').append(search,
      select('Kind', [['', 'all'], ...kinds.map((kind) => [kind, kind])], change('kind')),
      select('Status', [['', 'all'], ['fail', 'failing'], ['pass', 'passing']], change('state')));
  }
  byId('case-tools').append(count);
  more.addEventListener('click', () => change('all')(!wanted.all));
  redraws.add(draw);
  update();
}

function caption(found) {
  const status = found.failing ? 'fail' : 'pass';
  const words = found.failing ? `${found.failing} fail` : found.share === null ? 'nothing judged'
    : `${percent(found.share)} of a limit${found.over ? `, ${found.over} over a mean’s` : ''}`;
  return [found.share === null ? '○' : sign(status), ` ${words} · ${found.kind}`];
}
