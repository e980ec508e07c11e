// Auto, light or dark; remembered if the browser allows that for a file.
const THEMES = ['auto', 'light', 'dark'];

function remembered() {
  try { return localStorage.getItem('blazepalm-theme'); } catch { return null; }
}

function showTheme(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId('theme').textContent = `◐ ${theme}`;
  byId('theme').setAttribute('aria-label', `Theme: ${theme}`);
}

function startTheme() {
  let theme = THEMES.includes(remembered()) ? remembered() : 'auto';
  showTheme(theme);
  byId('theme').addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    showTheme(theme);
    try { localStorage.setItem('blazepalm-theme', theme); } catch { /* for this visit only */ }
  });
}
