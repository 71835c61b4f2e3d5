// Studies: a curve for each outcome with its bands, what may be claimed, surfaces and trade-offs, and from a point to its
// runs, plan and clips.
import {ask} from '../ask.js';
import {curves, fitted, trade} from '../charts.js';
import {busy, failed, fill, h, shown, table} from '../dom.js';
import {openPlayer} from '../player.js';

export async function show(main, about, query, signal) {
  fill(main, h('h2', {}, 'Studies'), busy('Reading results …'));
  const studies = await ask('studies', {}, signal);
  fill(main, h('h2', {}, 'Studies'), studies.length ? studies.map(study => draw(study, about, signal))
    : h('p', {class: 'quiet'}, 'There are no results of `soundwave ablate` here. Open the workspace that holds them: soundwave explore WORKSPACE.'));
}

function draw(study, about, signal) {
  const place = h('div', {class: 'chart'}), behind = h('section', {'aria-label': `Behind a point of ${study.id}`, 'aria-live': 'polite'});
  const id = `outcome-${study.id}`, picked = h('select', {id, onchange: chosen}, study.outcomes.map(name => h('option', {value: name}, name)));
  const open = (title, runs, outcome) => openRuns(title, runs, outcome, behind, about, signal);
  const points = h('div'), along = h('section', {'aria-label': `Axes of ${study.id}`}), between = h('section', {'aria-label': `Trade-off of ${study.id}`});
  const axes = found => found.axes ? Object.entries(JSON.parse(found.axes)).map(([name, value]) => `${name} ${shown(value)}`).join(', ') : '';
  const several = study.points.some(found => found.axes);
  const titled = found => [found.series, axes(found), found.hours === null ? '' : `${shown(found.hours)} h`].filter(part => part).join(', ');
  function chosen() { curve(); alongAxes(study, picked.value, along, open, signal); }
  function curve() {
    const rows = study.points.filter(found => found.outcome === picked.value), click = found => open(titled(found), found.runs, picked.value);
    fill(points, table('Points', rows.map(found => ({...found, axes: axes(found), seeds: found.seeds.length, found})), ['series', 'fraction', ...(several ? ['axes'] : []), 'hours', 'value', 'low', 'high', 'seeds', 'behind it'],
      {'behind it': ({found}) => runsButton(titled(found), () => click(found))}));
    fill(place);
    if (rows.length) curves(place, `${picked.value} by hours of data: ${rows.map(found => `${titled(found)} ${shown(found.value)}`).join('; ').slice(0, 600)}`,
      rows.map((found, at) => ({x: found.hours ?? 0, value: found.value, low: found.low, high: found.high, series: found.series, group: axes(found), at})), {x: 'hours of data', y: picked.value}, datum => click(rows[datum.at]));
  }
  const section = h('section', {class: 'study', 'aria-label': study.id}, h('h3', {}, study.id), h('p', {}, study.question),
    h('ul', {class: 'claims'}, study.claims.map(sentence => h('li', {}, sentence))),
    h('p', {class: 'row'}, h('label', {for: id}, 'Outcome '), picked, study.better && h('span', {class: 'quiet'}, `of ${study.metric}, ${study.better} is better`)),
    place, points, along, between, behind,
    h('details', {}, h('summary', {}, `Results (${study.rows.length})`), table('Results', study.rows, Object.keys(study.rows[0]).filter(name => study.rows.some(row => row[name] !== null)))));
  chosen();
  tradeOff(study, between, open, signal);
  return section;
}

const runsButton = (title, click) => h('button', {type: 'button', class: 'link', 'aria-label': `Runs of ${title}`, onclick: click}, 'runs');

// What `soundwave ablate fit` says along the axes: a curve over one, a surface over two.
async function alongAxes(study, outcome, place, open, signal) {
  const head = h('h4', {}, `${outcome} along its axes`), mine = {};
  place.asked = mine;
  fill(place, head, busy('Fitting …'));
  try {
    const {why, drawings} = await ask('fits', {grid: study.id, outcome}, signal);
    if (place.asked !== mine) return;
    fill(place, head, why && h('p', {class: 'quiet'}, why), drawings.map(drawing => {
      const chart = h('div', {class: 'chart'}), names = drawing.axes.map(axis => axis.name);
      const rows = drawing.cells.map((cell, at) => ({...Object.fromEntries(names.map((name, n) => [name, cell.at[n]])), [outcome]: cell.value, seeds: cell.seeds, at}));
      const click = at => open(drawing.cells[at].name, drawing.cells[at].runs, outcome);
      if (rows.length) requestAnimationFrame(() => fitted(chart, `${drawing.title}: ${drawing.cells.map(cell => `${cell.name}: ${shown(cell.value)}`).join('; ').slice(0, 600)}`, drawing, outcome, datum => click(datum.at)));
      return h('figure', {}, h('figcaption', {}, drawing.title), rows.length > 0 && chart,
        drawing.sentences.map(sentence => h('p', {class: 'quiet'}, sentence)),
        rows.length > 0 && table('Cells', rows, [...names, outcome, 'seeds', 'behind it'], {'behind it': row => runsButton(drawing.cells[row.at].name, () => click(row.at))}));
    }));
  } catch (error) { if (error.name !== 'AbortError' && place.asked === mine) fill(place, head, failed(error)); }
}

// Outcomes against each other: cells that no other beats in every outcome are marked.
async function tradeOff(study, place, open, signal) {
  const head = h('h4', {}, 'Trade-off');
  fill(place, head, busy('Comparing …'));
  try {
    const {why, outcomes, cells} = await ask('trade', {grid: study.id}, signal);
    if (why) { fill(place, head, h('p', {class: 'quiet'}, why)); return; }
    const chart = h('div', {class: 'chart'}), names = outcomes.map(outcome => outcome.name);
    const pick = (name, first) => h('select', {'aria-label': `${name} of the trade-off`, onchange: again}, names.map((one, n) => h('option', {value: one, selected: n === first}, one)));
    const x = pick('Across', 0), y = pick('Upwards', 1);
    const click = at => open(cells[at].cell, cells[at].runs, x.value);
    const axis = name => ({name, title: `${name} (${outcomes.find(outcome => outcome.name === name).better} is better)`});
    function again() {
      fill(chart);
      trade(chart, `${y.value} against ${x.value}: ${cells.map(cell => `${cell.cell} ${shown(cell.values[x.value])}, ${shown(cell.values[y.value])}${cell.on_front ? ', not beaten' : ''}`).join('; ').slice(0, 600)}`,
        cells.map((cell, at) => ({cell: cell.cell, x: cell.values[x.value], y: cell.values[y.value], certainty: cell.certainty, kind: cell.on_front ? 'not beaten' : 'beaten', at})),
        {x: axis(x.value), y: axis(y.value), joined: names.length === 2}, datum => click(datum.at));
    }
    const rows = cells.map((cell, at) => ({cell: cell.cell, ...cell.values, 'not beaten': cell.on_front ? 'yes' : '', certainty: cell.certainty, at}));
    fill(place, head, h('p', {class: 'quiet'}, 'No cell beats those that are marked in every outcome. Certainty: how often that is so when seeds and clips are drawn again.'),
      names.length > 2 && h('p', {class: 'row'}, x, ' against ', y), chart,
      table('Cells with every outcome', rows, ['cell', ...names, 'not beaten', ...(cells.some(cell => cell.certainty !== null) ? ['certainty'] : []), 'behind it'], {'behind it': row => runsButton(row.cell, () => click(row.at))}));
    requestAnimationFrame(again);
  } catch (error) { if (error.name !== 'AbortError') fill(place, head, failed(error)); }
}

async function openRuns(title, runs, outcome, place, about, signal) {
  fill(place, busy('Looking up its runs …'));
  const parts = await Promise.all(runs.map(one => part(one, outcome, about, signal)));
  fill(place, h('h3', {tabindex: -1}, `Behind ${title}`), parts);
  place.querySelector('h3').focus({preventScroll: false});
}

async function part(one, outcome, about, signal) {
  const clips = h('div');
  const plan = name => h('a', {href: `#cuts?${new URLSearchParams({filter: JSON.stringify({plan: name})})}`}, 'cuts of its plan');
  const worst = h('button', {type: 'button', onclick: async () => {
    try {
      const rows = await ask('clips', {grid: one.grid, cell: one.cell, outcome}, signal);
      fill(clips, rows.length ? table(`Clips of ${outcome}, worst first`, rows, Object.keys(rows[0]), {cut_id: row => h('button', {type: 'button', class: 'listen', 'aria-label': `Listen to ${row.cut_id}`, onclick: () => openPlayer(row.cut_id, about, {play: true})}, '▶ ', row.cut_id)})
        : h('p', {class: 'quiet'}, 'The study kept no clips of this outcome.'));
    } catch (error) { fill(clips, failed(error)); }
  }}, 'its clips');
  const head = h('p', {class: 'row'}, h('strong', {}, one.cell), `${one.stage}, seed ${one.seed}`, one.plan && about.plans.includes(one.plan) && plan(one.plan), worst);
  try {
    const run = await ask('run', {run: one.run ?? ''}, signal), place = h('div', {class: 'chart'});
    const rows = run.losses.flatMap(row => [['next token', row.loss], ['CTC', row.ctc_loss]].filter(([, value]) => value !== null)
      .map(([kind, value]) => ({x: (row.first_step + row.last_step) / 2, value, series: `${row.domain}, ${kind}`})));
    if (rows.length) requestAnimationFrame(() => curves(place, `Loss of ${run.run.run} by domain`, rows, {x: 'step', y: 'loss'}));
    return h('div', {}, head, h('p', {class: 'quiet'}, `run ${run.run.run}: ${run.run.steps} steps, ${shown(run.run.seconds)} s, ${run.run.status ?? ''}`), rows.length > 0 && place, clips);
  } catch (error) { return h('div', {}, head, h('p', {class: 'quiet'}, error.message), clips); }
}
