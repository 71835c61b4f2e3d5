// Elements. Text becomes text nodes and nothing else: what stands in a transcript is never markup.
export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked') made[name] = value;
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
  return made;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

export const count = number => Number(number).toLocaleString('en');
export const hours = value => value >= 100 ? `${count(Math.round(value))} h` : value >= 1 ? `${value.toFixed(1)} h` : `${(value * 60).toFixed(1)} min`;

export function shown(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(4)));
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

// A table of rows; `cells` replaces how a column is drawn; numbers stand right.
export function table(caption, rows, columns = Object.keys(rows[0] ?? {}), cells = {}) {
  const numeric = Object.fromEntries(columns.map(name => [name, rows.some(row => typeof row[name] === 'number')]));
  return h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption}, h('table', {},
    h('caption', {}, caption),
    h('thead', {}, h('tr', {}, columns.map(name => h('th', {scope: 'col', class: numeric[name] && 'number'}, name.replaceAll('_', ' '))))),
    h('tbody', {}, rows.map(row => h('tr', {}, columns.map(name =>
      h('td', {class: numeric[name] && 'number'}, cells[name] ? cells[name](row) : shown(row[name]))))))));
}

export const failed = error => h('p', {class: 'error', role: 'alert'}, error.message);
export const busy = text => h('p', {class: 'quiet', role: 'status'}, text);
