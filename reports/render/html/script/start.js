// Connects all parts of the page.
function lists() {
  const made = {};
  const makers = {
    rows: [rowListing, rows, openRow],
    layers: [layerListing, layers, openLayer],
    tensors: [tensorListing, tensors, openTensor],
  };
  for (const box of document.querySelectorAll('[data-listing]')) {
    const [make, lines, open] = makers[box.dataset.listing];
    made[box.dataset.listing] = make(box, lines, (entry) => open(entry), `${box.dataset.listing}.`);
  }
  return made;
}

document.querySelectorAll('.scroll, .bar nav').forEach(watchWidth);
startTheme();
const made = lists();
startGallery((found) => openCase(found));

for (const link of document.querySelectorAll('a[data-model]')) {
  link.addEventListener('click', (event) => {
    event.preventDefault(); // the address keeps the filters
    made.rows?.filter({ Model: report.models[link.dataset.model], Backend: link.dataset.backend });
    byId('comparisons').scrollIntoView();
  });
}
for (const link of document.querySelectorAll('a[href^="#row="]')) {
  link.addEventListener('click', (event) => {
    event.preventDefault();
    openRow(rows[link.hash.slice('#row='.length)]);
  });
}
for (const cell of document.querySelectorAll('button[data-row]')) {
  cell.addEventListener('click', () => openRow(rows[cell.dataset.row]));
}

const explorer = byId('explorer');
byId('explorer-close').addEventListener('click', () => explorer.close());
explorer.addEventListener('click', (event) => { if (event.target === explorer) explorer.close(); });
explorer.addEventListener('keydown', (event) => {
  const step = { ArrowLeft: 'explorer-before', ArrowRight: 'explorer-after' }[event.key];
  if (step && !event.target.closest('input, select, .scroll') && !byId(step).hidden) byId(step).click();
});
explorer.addEventListener('close', () => {
  trail.length = 0;
  remember();
  redraws.delete(explorerRedraw.current);
  showOverlayTools();
});

const closed = new Set(); // opened for printing, then closed again
addEventListener('beforeprint', () => document.querySelectorAll('main details:not([open])').forEach((node) => {
  closed.add(node);
  node.open = true;
}));
addEventListener('afterprint', () => {
  closed.forEach((node) => { node.open = false; });
  closed.clear();
});

addressed('', opened, openAgain);
addEventListener('hashchange', recall);
recall();
