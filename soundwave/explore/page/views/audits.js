// Audits: how much each finds, counted one after another, and its rows to listen to.
import {ask} from '../ask.js';
import {busy, count, failed, fill, h, shown, table} from '../dom.js';
import {openPlayer} from '../player.js';

const ROWS = 50;

export async function show(main, about, query, signal) {
  const audits = await ask('audits', {}, signal), found = h('section', {'aria-label': 'Rows'}), cells = {};
  const line = audit => {
    cells[audit.name] = [h('td', {class: 'number', 'data-audit': audit.name}, '…'), h('td', {class: 'number'}), h('td', {}, audit.severity)];
    const [rows, hours, severity] = cells[audit.name];
    return h('tr', {}, h('th', {scope: 'row'}, h('button', {type: 'button', class: 'link', onclick: () => open(audit)}, audit.name.replaceAll('_', ' '))), severity, rows, hours, h('td', {class: 'said'}, audit.means));
  };
  fill(main, h('h2', {}, 'Audits'), h('p', {class: 'quiet'}, 'What each finds in the catalog and its plans. Open one to listen to its rows.'), found,
    h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Audits'}, h('table', {class: 'audits'}, h('caption', {class: 'hidden'}, 'Audits'),
      h('thead', {}, h('tr', {}, ['audit', 'severity', 'rows', 'hours', 'what a finding means'].map(name => h('th', {scope: 'col', class: ['rows', 'hours'].includes(name) && 'number'}, name)))),
      h('tbody', {}, audits.map(line)))));

  async function open(audit, first = 0) {
    fill(found, busy(`Asking ${audit.name} …`));
    found.scrollIntoView({block: 'nearest'});
    try {
      const rows = await ask('found', {name: audit.name, first, rows: ROWS}, signal);
      const listen = row => h('button', {type: 'button', class: 'listen', onclick: () => openPlayer(row.cut_id, about, {play: true}), 'aria-label': `Listen to ${row.cut_id}`}, '▶ ', row.cut_id);
      fill(found, h('h3', {tabindex: -1}, audit.name.replaceAll('_', ' ')), h('p', {}, `${audit.means} `, h('span', {class: 'quiet'}, `To do: ${audit.do}`)),
        rows.length ? table(`Rows ${first + 1} to ${first + rows.length}, worst first`, rows, ['cut_id', ...Object.keys(rows[0]).filter(name => name !== 'cut_id' && name !== 'worst')].filter(name => name in rows[0]), 'cut_id' in rows[0] ? {cut_id: listen} : {}) : h('p', {}, 'Nothing: all is well.'),
        h('p', {class: 'row'}, h('button', {type: 'button', disabled: first === 0, onclick: () => open(audit, first - ROWS)}, '← Back'), h('button', {type: 'button', disabled: rows.length < ROWS, onclick: () => open(audit, first + ROWS)}, 'Next →'),
          h('button', {type: 'button', onclick: () => fill(found)}, 'Close')));
      found.querySelector('h3').focus({preventScroll: true});
    } catch (error) { if (error.name !== 'AbortError') fill(found, failed(error)); }
  }

  (async () => {
    for (const {name} of audits) {
      const [rows, hours, severity] = cells[name];
      try {
        const counted = await ask('audit', {name}, signal);
        rows.textContent = count(counted.rows);
        hours.textContent = counted.hours === null ? '' : shown(counted.hours);
        severity.textContent = counted.rows ? counted.severity : 'ok';
        if (counted.failed || (counted.rows && counted.severity === 'error')) severity.className = 'verdict bad';
      } catch (error) {
        if (error.name === 'AbortError') return;
        rows.textContent = 'failed';
        rows.title = error.message;
      }
    }
  })();
}
