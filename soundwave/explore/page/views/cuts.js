// The table of cuts: filter boxes, SQL, facets and histograms that brush, pages.
import {ask, later, tell} from '../ask.js';
import {histogram} from '../charts.js';
import {busy, count, failed, fill, h, hours, shown} from '../dom.js';
import {closePlayer, openPlayer, playPause} from '../player.js';

const ROWS = 50, PLAIN = ['cut_id', 'text', 'duration', 'language', 'corpus', 'split', 'mark'];
const SORTED = ['cut_id', 'duration', 'language', 'corpus', 'split', 'mark', 'speaker'];

export async function show(main, about, query, signal) {
  const state = {filter: {}, order: null, down: false, first: 0, shown: new Set(about.numbers.slice(1, 3))};
  try { state.filter = JSON.parse(query.get('filter') ?? '{}'); } catch { /* an address that was cut off */ }
  const parts = {status: h('p', {role: 'status', class: 'status'}), rows: h('div'), facets: h('div', {class: 'facets'}), bins: h('div', {class: 'bins'}), error: h('div'), chips: h('div', {class: 'row'})};
  const text = h('input', {type: 'search', id: 'find', value: state.filter.text ?? ''}), where = h('input', {type: 'text', id: 'where', class: 'code', spellcheck: 'false', autocomplete: 'off', placeholder: "duration > 5 AND text LIKE '%press%'", value: state.filter.where ?? ''});
  const form = h('form', {class: 'filters', role: 'search', onsubmit: event => { event.preventDefault(); change({text: text.value, where: where.value}); }},
    h('label', {for: 'find'}, 'Find', text), h('label', {for: 'where', class: 'wide'}, 'SQL WHERE', where),
    h('button', {class: 'main'}, 'Filter'), h('button', {type: 'button', onclick: clear}, 'Clear'));
  fill(main, form, parts.error, h('div', {class: 'columns'},
    h('details', {class: 'side', open: innerWidth > 700}, h('summary', {}, 'Facets'), parts.facets),
    h('div', {class: 'found'}, h('details', {class: 'charts', open: true}, h('summary', {}, 'Histograms: drag to choose a range'), parts.bins), parts.chips, parts.status, parts.rows)));
  let page = [], drawn = {}, asking = 0, open = null;

  function change(more, first = 0) {
    state.filter = Object.fromEntries(Object.entries({...state.filter, ...more}).filter(([, value]) => value && (typeof value !== 'object' || Object.keys(value).length)));
    state.first = first;
    const address = Object.keys(state.filter).length ? `#cuts?${new URLSearchParams({filter: JSON.stringify(state.filter)})}` : '#cuts';
    history.replaceState(null, '', address);
    return load();
  }

  function clear() {
    text.value = where.value = '';
    state.filter = {};
    drawn = {};
    fill(parts.bins);
    change({});
  }

  async function load(facets = true) {
    const mine = ++asking;
    parts.status.textContent = 'Asking …';
    try {
      const found = await tell('cuts', {filter: state.filter, order: state.order, down: state.down, first: state.first, rows: ROWS}, signal);
      if (mine !== asking) return;
      fill(parts.error);
      page = found.rows;
      parts.status.textContent = `${count(found.cuts)} cuts, ${hours(found.hours)}` + (found.cuts ? `; ${count(found.first + 1)} to ${count(found.first + page.length)} are shown` : '');
      drawRows(found);
      drawChips();
      if (facets) {
        const counted = await tell('facets', {filter: state.filter}, signal);
        if (mine === asking) await drawFacets(counted);
      }
    } catch (error) {
      if (error.name === 'AbortError' || mine !== asking) return;
      parts.status.textContent = '';
      fill(parts.error, failed(error));
    }
  }

  function listen(row, button) {
    open = row.cut_id;
    for (const other of parts.rows.querySelectorAll('tr.open')) other.classList.remove('open');
    button?.closest('tr')?.classList.add('open');
    return openPlayer(row.cut_id, about, {play: true, marked: (id, mark) => {
      for (const one of page) if (one.cut_id === id) one.mark = mark;
      const cell = parts.rows.querySelector(`tr[data-cut="${CSS.escape(id)}"] td.mark`);
      if (cell) cell.textContent = mark ?? '';
    }});
  }

  function drawRows(found) {
    const columns = [...PLAIN.slice(0, 3), ...about.numbers.slice(1).filter(name => state.shown.has(name)), ...PLAIN.slice(3)];
    const sort = name => !(SORTED.includes(name) || about.numbers.includes(name)) ? name.replaceAll('_', ' ') : h('button', {type: 'button', class: 'sort', onclick: () => {
      [state.down, state.order] = state.order === name ? (state.down ? [false, null] : [true, name]) : [false, name];
      state.first = 0;
      load(false).then(() => parts.rows.querySelector(`th[data-column="${name}"] button`)?.focus());
    }}, name.replaceAll('_', ' '), state.order === name ? (state.down ? ' ↓' : ' ↑') : '');
    const cell = (row, name) => name === 'cut_id' ? h('th', {scope: 'row'}, h('button', {type: 'button', class: 'listen', onclick: event => listen(row, event.currentTarget), 'aria-label': `Listen to ${row.cut_id}`}, '▶ ', row.cut_id))
      : name === 'text' ? h('td', {class: 'said', lang: row.language}, row.text ?? (row.sound ?? []).join(', '), row.target_text !== null && h('span', {class: 'quiet'}, ` → ${row.target_text}`))
      : h('td', {class: name === 'mark' ? 'mark' : typeof row[name] === 'number' && 'number'}, name === 'duration' ? row[name].toFixed(2) : shown(row[name]));
    fill(parts.rows, h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Cuts'}, h('table', {class: 'cuts'},
      h('caption', {class: 'hidden'}, 'Cuts'),
      h('thead', {}, h('tr', {}, columns.map(name => h('th', {scope: 'col', 'data-column': name, 'aria-sort': state.order === name ? (state.down ? 'descending' : 'ascending') : null}, sort(name))))),
      h('tbody', {}, page.map(row => h('tr', {'data-cut': row.cut_id, class: row.cut_id === open && 'open'}, columns.map(name => cell(row, name))))))),
    h('div', {class: 'row pager'},
      h('button', {type: 'button', disabled: state.first === 0, onclick: () => turn(-ROWS)}, '← Back'),
      h('button', {type: 'button', disabled: found.first + page.length >= found.cuts, onclick: () => turn(ROWS)}, 'Next →'),
      h('a', {class: 'quiet', href: '#audits'}, 'What audits find'), chooser()));
  }

  const turn = by => { state.first = Math.max(0, state.first + by); return load(false); };

  function chooser() {
    return about.numbers.length > 1 && h('details', {class: 'chooser'}, h('summary', {}, 'Label columns'), about.numbers.slice(1).map(name =>
      h('label', {}, h('input', {type: 'checkbox', checked: state.shown.has(name), onchange: event => { event.target.checked ? state.shown.add(name) : state.shown.delete(name); load(true); }}), ` ${name.replace('_', ' ')}`)));
  }

  // What filters beside the boxes: each can be taken away.
  function drawChips() {
    const chip = (said, less) => h('button', {type: 'button', class: 'chip', onclick: less, 'aria-label': `Take away the filter ${said}`}, `${said} ×`);
    const without = (kind, name) => Object.fromEntries(Object.entries(state.filter[kind]).filter(([other]) => other !== name));
    fill(parts.chips,
      state.filter.plan && chip(`plan ${state.filter.plan}`, () => change({plan: null})),
      Object.entries(state.filter.among ?? {}).map(([name, values]) => chip(`${name}: ${values.map(value => value ?? 'none').join(', ')}`, () => change({among: without('among', name)}))),
      Object.entries(state.filter.between ?? {}).map(([name, [low, high]]) => chip(`${name}: ${shown(low)} to ${shown(high)}`, () => { drawn = {}; fill(parts.bins); change({between: without('between', name)}); })));
  }

  async function drawFacets({facets, histograms}) {
    fill(parts.facets, Object.entries(facets).filter(([, values]) => values.length > 1 || values[0]?.value).map(([name, values]) => {
      const chosen = state.filter.among?.[name] ?? [];
      const pick = value => change({among: {...state.filter.among, [name]: chosen.includes(value) ? chosen.filter(other => other !== value) : [...chosen, value]}, });
      return h('fieldset', {}, h('legend', {}, name.replaceAll('_', ' ')), values.map(({value, all, cuts}) => h('label', {class: 'facet'},
        h('input', {type: 'checkbox', checked: chosen.includes(value), 'data-facet': name, 'data-value': value, onchange: () => pick(value)}),
        h('span', {}, ` ${value ?? 'none'}`), h('span', {class: 'quiet number', title: `${count(all)} in all`}, count(cuts)))));
    }));
    for (const name of Object.keys(state.filter.among ?? {})) if (!state.filter.among[name].length) delete state.filter.among[name];
    for (const [name, data] of Object.entries(histograms)) {
      if (name !== 'duration' && !state.shown.has(name)) continue;
      if (drawn[name]) { drawn[name](data); continue; }
      const place = h('div', {class: 'chart'}), bounds = state.filter.between?.[name] ?? [];
      const brush = later(range => {
        low.value = range ? Number(range[0].toPrecision(4)) : '';
        high.value = range ? Number(range[1].toPrecision(4)) : '';
        bound();
      });
      const bound = () => {
        const ends = [low, high].map(box => box.value === '' ? null : Number(box.value)), rest = {...state.filter.between};
        delete rest[name];
        change({between: ends.some(end => end !== null) ? {...rest, [name]: ends} : rest});
      };
      const box = (end, value) => h('input', {type: 'number', step: 'any', 'aria-label': `${end} ${name}`, value: value ?? '', onchange: bound});
      const low = box('lowest', bounds[0]), high = box('highest', bounds[1]);
      parts.bins.append(h('figure', {}, h('figcaption', {}, name.replaceAll('_', ' '), ' ', low, ' to ', high), place));
      drawn[name] = () => {};
      drawn[name] = await histogram(place, name, data, brush);
    }
  }

  document.addEventListener('keydown', event => {
    if (event.target.closest('input, select, textarea') || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = page.findIndex(row => row.cut_id === open), step = {j: 1, k: -1}[event.key];
    if (step && page[at + step]) listen(page[at + step], parts.rows.querySelector(`tr[data-cut="${CSS.escape(page[at + step].cut_id)}"] button`));
    if (event.key === 'p') playPause();
    if (event.key === 'Escape') closePlayer();
  }, {signal});
  await load();
}
