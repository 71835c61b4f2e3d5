// Charts of vega-lite. Its expressions are interpreted, never made into code: the page's policy forbids that.
import {expressionInterpreter} from './vendor/vega-interpreter.js';

export const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8a6d00', '#56b4e9', '#e69f00', '#7f7f7f']; // Okabe and Ito's
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function look() {
  const text = colour('--quiet'), line = colour('--line');
  return {
    background: 'transparent', font: 'system-ui, sans-serif', view: {stroke: null}, range: {category: COLOURS},
    axis: {labelColor: text, titleColor: text, gridColor: line, domainColor: line, tickColor: line, titleFontWeight: 'normal'},
    legend: {labelColor: text, titleColor: text, orient: 'bottom', columns: 2, labelLimit: 260, symbolOpacity: 1},
  };
}

// Draw a specification into `place`; `name` is what a screen reader says of it.
export async function draw(place, name, spec) {
  const whole = {$schema: 'https://vega.github.io/schema/vega-lite/v6.json', width: 'container', config: look(), ...spec};
  const view = new vega.View(vega.parse(vegaLite.compile(whole).spec, null, {ast: true}), {
    expr: expressionInterpreter, renderer: 'canvas', container: place, hover: true,
    logLevel: vega.Error,
  });
  place.setAttribute('role', 'img');
  place.setAttribute('aria-label', name);
  await view.runAsync();
  place.view = view; // what a test asks where a point was drawn
  if (view.width() === 0) view.width(place.clientWidth).run();
  const wide = new ResizeObserver(() => place.isConnected ? view.width(Math.max(60, place.clientWidth - 12)).run() : (wide.disconnect(), view.finalize()));
  wide.observe(place);
  return view;
}

// A histogram of all cuts in grey, of the chosen ones in colour; `brushed` is called with [low, high] or null.
export async function histogram(place, name, data, brushed) {
  const rows = found => found.all.map((all, bin) => ({low: found.low + bin * found.step, high: found.low + (bin + 1) * found.step, all, cuts: found.cuts[bin]}));
  const bar = (field, paint) => ({
    mark: {type: 'bar', color: paint, binSpacing: 1},
    encoding: {x: {field: 'low', type: 'quantitative', bin: {binned: true, step: data.step}, title: null, axis: {tickCount: 4, grid: false}},
      x2: {field: 'high'}, y: {field, type: 'quantitative', title: null, scale: {type: 'sqrt'}, axis: {tickCount: 2}},
      tooltip: [{field: 'low', format: '.3~g'}, {field: 'high', format: '.3~g'}, {field: 'cuts'}, {field: 'all'}]},
  });
  const view = await draw(place, `Histogram of ${name}`, {
    height: 64, autosize: {type: 'fit-x', contains: 'padding'}, data: {name: 'bins', values: rows(data)},
    layer: [{...bar('all', colour('--line')), params: [{name: 'brush', select: {type: 'interval', encodings: ['x']}}]}, bar('cuts', COLOURS[0])],
  });
  view.addSignalListener('brush', (_, value) => brushed(value?.low ?? null));
  return found => view.data('bins', rows(found)).run();
}

// A click on a point (not on a line or tile) calls `chosen` with its row.
function listening(view, chosen) {
  if (chosen) view.addEventListener('click', (_, item) => item?.mark?.marktype === 'symbol' && item.datum?.at !== undefined && chosen(item.datum));
  return view;
}

// Lines with bands: rows of {x, value, low, high, series, group}; a line joins what has one series and one group.
export function curves(place, name, rows, titles, chosen) {
  const x = {field: 'x', type: 'quantitative', title: titles.x, scale: {zero: false}, axis: {tickCount: 8}};
  const color = {field: 'series', type: 'nominal', title: null}, detail = {field: 'group', type: 'nominal'};
  const y = {field: 'value', type: 'quantitative', title: titles.y, scale: {zero: false}};
  return draw(place, name, {
    height: 240, autosize: {type: 'fit-x', contains: 'padding'}, data: {values: rows},
    layer: [
      {mark: {type: 'area', opacity: 0.15}, transform: [{filter: 'isValid(datum.low)'}], encoding: {x, color, detail, y: {...y, field: 'low'}, y2: {field: 'high'}}},
      {mark: {type: 'rule', opacity: 0.6}, transform: [{filter: 'isValid(datum.low)'}], encoding: {x, color, y: {...y, field: 'low'}, y2: {field: 'high'}}},
      {mark: 'line', encoding: {x, color, detail, y}},
      {mark: {type: 'point', filled: true, size: 70, cursor: 'pointer'}, encoding: {x, color, y, shape: {field: 'series', type: 'nominal', title: null},
        tooltip: [{field: 'series'}, ...(rows.some(row => row.group) ? [{field: 'group', title: 'axes'}] : []), {field: 'x', format: '.3~g', title: titles.x}, {field: 'value', format: '.3~g'}, {field: 'low', format: '.3~g'}, {field: 'high', format: '.3~g'}]}},
    ],
  }).then(view => listening(view, chosen));
}

const SCALES = {share: 'sqrt', log: 'log', linear: 'linear'}; // shares that were tried lie close together near 0

// Cells along one axis with the fitted curve and its 90 % band, or along two on the fitted surface; the best point is a cross.
export function fitted(place, name, drawing, outcome, chosen) {
  const [one, two] = drawing.axes, titled = axis => axis.name === 'size' ? 'size (share of the data)' : axis.name;
  const at = (axis, field) => ({field, type: 'quantitative', title: titled(axis), scale: {type: SCALES[axis.kind], nice: false, ...(axis.kind === 'log' ? {} : {zero: false})}, axis: {tickCount: 6, grid: !two}});
  const cells = drawing.cells.map((cell, n) => ({x: cell.at[0], y: cell.at[1], value: cell.value, cell: cell.name, seeds: cell.seeds, at: n}));
  const best = drawing.best && [{x: drawing.best[0], y: drawing.best[1]}];
  const said = [{field: 'cell'}, {field: 'value', format: '.3~g', title: `${outcome}, measured`}, {field: 'seeds'}];
  const layers = two ? onSurface() : onCurve();
  return draw(place, name, {height: two ? 280 : 240, autosize: {type: 'fit-x', contains: 'padding'}, layer: layers})
    .then(view => listening(view, chosen));

  function onCurve() {
    const x = at(one, 'x'), y = {field: 'value', type: 'quantitative', title: outcome, scale: {zero: false}};
    const fit = drawing.line ? [
      {data: {values: drawing.line}, mark: {type: 'area', opacity: 0.18, color: COLOURS[0]}, encoding: {x, y: {...y, field: 'low'}, y2: {field: 'high'}}},
      {data: {values: drawing.line}, mark: {type: 'line', color: COLOURS[0]}, encoding: {x, y}},
    ] : [];
    const cross = best ? [{data: {values: best}, mark: {type: 'rule', strokeDash: [4, 3], color: COLOURS[1]}, encoding: {x}}] : [];
    return [...fit, ...cross, {data: {values: cells}, mark: {type: 'point', filled: true, size: 80, color: COLOURS[1], cursor: 'pointer'}, encoding: {x, y, tooltip: said}}];
  }

  function onSurface() {
    const x = at(one, 'x'), y = at(two, 'y'), text = colour('--ink');
    const color = {field: 'value', type: 'quantitative', title: outcome, scale: {scheme: 'cividis', zero: false}};
    const foretold = [{field: 'at_x', format: '.3~g', title: titled(one)}, {field: 'at_y', format: '.3~g', title: titled(two)}, {field: 'value', format: '.3~g', title: `${outcome}, fitted`}, {field: 'low', format: '.3~g'}, {field: 'high', format: '.3~g'}];
    const tiles = drawing.tiles ? [{data: {values: drawing.tiles}, mark: 'rect', encoding: {x, x2: {field: 'x2'}, y, y2: {field: 'y2'}, color, tooltip: foretold}}] : [];
    const cross = best ? [{data: {values: best}, mark: {type: 'point', shape: 'cross', filled: true, size: 160, color: COLOURS[1]}, encoding: {x, y}}] : [];
    return [...tiles, ...cross, {data: {values: cells}, mark: {type: 'point', filled: true, opacity: 1, size: 110, stroke: text, strokeWidth: 1.5, cursor: 'pointer'}, encoding: {x, y, fill: color, tooltip: said}}];
  }
}

// Two outcomes against each other; `joined`: a line through the cells that none beats.
export function trade(place, name, rows, titles, chosen) {
  const x = {field: 'x', type: 'quantitative', title: titles.x.title, scale: {zero: false}}, y = {field: 'y', type: 'quantitative', title: titles.y.title, scale: {zero: false}};
  const kinds = ['not beaten', 'beaten'], paint = {domain: kinds, range: [COLOURS[0], COLOURS[7]]};
  const front = titles.joined ? [{transform: [{filter: "datum.kind === 'not beaten'"}], mark: {type: 'line', color: COLOURS[0], opacity: 0.5}, encoding: {x, y, order: {field: 'x'}}}] : [];
  return draw(place, name, {
    height: 240, autosize: {type: 'fit-x', contains: 'padding'}, data: {values: rows},
    layer: [...front, {mark: {type: 'point', filled: true, size: 80, cursor: 'pointer'}, encoding: {x, y,
      color: {field: 'kind', type: 'nominal', title: null, scale: paint}, shape: {field: 'kind', type: 'nominal', title: null, scale: {domain: kinds, range: ['circle', 'triangle-up']}},
      tooltip: [{field: 'cell'}, {field: 'x', format: '.3~g', title: titles.x.name}, {field: 'y', format: '.3~g', title: titles.y.name}, {field: 'kind'}, {field: 'certainty', format: '.2f'}]}}],
  }).then(view => listening(view, chosen));
}
