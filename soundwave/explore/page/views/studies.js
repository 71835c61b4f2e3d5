// Studies: a curve for each outcome with its bands, what may be claimed, and from a point to its runs, plan and clips.
import {ask} from '../ask.js';
import {curves} from '../charts.js';
import {busy, failed, fill, h, shown, table} from '../dom.js';
import {openPlayer} from '../player.js';

export async function show(main, about, query, signal) {
  fill(main, h('h2', {}, 'Studies'), busy('Reading results …'));
  const studies = await ask('studies', {}, signal);
  fill(main, h('h2', {}, 'Studies'), studies.length ? studies.map(study => draw(study, about, signal))
    : h('p', {class: 'quiet'}, 'There are no results of `soundwave ablate` here. Open the workspace that holds them: soundwave explore WORKSPACE.'));
}

function draw(study, about, signal) {
  const place = h('div', {class: 'chart'}), behind = h('section', {'aria-label': 'Behind a point', 'aria-live': 'polite'});
  const id = `outcome-${study.grid}`, picked = h('select', {id, onchange: curve}, study.outcomes.map(name => h('option', {value: name}, name)));
  const point = found => open(study, found, picked.value, behind, about, signal);
  const points = h('div');
  function curve() {
    const rows = study.points.filter(found => found.outcome === picked.value);
    fill(points, table('Points', rows.map(found => ({...found, seeds: found.seeds.length})), ['series', 'fraction', 'hours', 'value', 'low', 'high', 'seeds', 'behind it'],
      {'behind it': row => h('button', {type: 'button', class: 'link', 'aria-label': `Runs of ${row.series}, ${shown(row.hours)} h`, onclick: () => point(rows.find(found => found.series === row.series && found.fraction === row.fraction && found.axes === row.axes))}, 'runs')}));
    fill(place);
    if (rows.length) curves(place, `${picked.value} by hours of data: ${rows.map(found => `${found.series} ${shown(found.hours)} h ${shown(found.value)}`).join('; ').slice(0, 600)}`,
      rows.map((found, at) => ({x: found.hours ?? 0, value: found.value, low: found.low, high: found.high, series: found.series, at})), {x: 'hours of data', y: picked.value}, datum => point(rows[datum.at]));
  }
  curve();
  return h('section', {class: 'study', 'aria-label': study.grid}, h('h3', {}, study.grid), h('p', {}, study.question),
    h('ul', {class: 'claims'}, study.claims.map(sentence => h('li', {}, sentence))),
    h('p', {class: 'row'}, h('label', {for: id}, 'Outcome '), picked, study.better && picked.value === study.metric && h('span', {class: 'quiet'}, `${study.better} is better`)),
    place, points, behind,
    h('details', {}, h('summary', {}, `Results (${study.rows.length})`), table('Results', study.rows, Object.keys(study.rows[0]).filter(name => study.rows.some(row => row[name] !== null)))));
}

async function open(study, found, outcome, place, about, signal) {
  fill(place, busy('Looking up its runs …'));
  const parts = await Promise.all(found.runs.map(one => part(study, one, outcome, about, signal)));
  fill(place, h('h3', {tabindex: -1}, `Behind ${found.series}${found.hours === null ? '' : `, ${shown(found.hours)} h`}`), parts);
  place.querySelector('h3').focus({preventScroll: false});
}

async function part(study, one, outcome, about, signal) {
  const clips = h('div');
  const plan = name => h('a', {href: `#cuts?${new URLSearchParams({filter: JSON.stringify({plan: name})})}`}, 'cuts of its plan');
  const worst = h('button', {type: 'button', onclick: async () => {
    try {
      const rows = await ask('clips', {grid: study.grid, cell: one.cell, outcome}, signal);
      fill(clips, rows.length ? table(`Clips of ${outcome}, worst first`, rows, Object.keys(rows[0]), {cut_id: row => h('button', {type: 'button', class: 'listen', 'aria-label': `Listen to ${row.cut_id}`, onclick: () => openPlayer(row.cut_id, about, {play: true})}, '▶ ', row.cut_id)})
        : h('p', {class: 'quiet'}, 'The study kept no clips of this outcome.'));
    } catch (error) { fill(clips, failed(error)); }
  }}, 'its clips');
  const head = h('p', {class: 'row'}, h('strong', {}, one.cell), `seed ${one.seed}`, one.plan && about.plans.includes(one.plan) && plan(one.plan), worst);
  try {
    const run = await ask('run', {run: one.run ?? ''}, signal), place = h('div', {class: 'chart'});
    const rows = run.losses.flatMap(row => [['next token', row.loss], ['CTC', row.ctc_loss]].filter(([, value]) => value !== null)
      .map(([kind, value]) => ({x: (row.first_step + row.last_step) / 2, value, series: `${row.domain}, ${kind}`})));
    if (rows.length) requestAnimationFrame(() => curves(place, `Loss of ${run.run.run} by domain`, rows, {x: 'step', y: 'loss'}));
    return h('div', {}, head, h('p', {class: 'quiet'}, `run ${run.run.run}: ${run.run.steps} steps, ${shown(run.run.seconds)} s, ${run.run.status ?? ''}`), rows.length > 0 && place, clips);
  } catch (error) { return h('div', {}, head, h('p', {class: 'quiet'}, error.message), clips); }
}
