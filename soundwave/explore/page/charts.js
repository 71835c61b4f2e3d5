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

// Lines with bands: rows of {x, value, low, high, series}.
export function curves(place, name, rows, titles, chosen) {
  const x = {field: 'x', type: 'quantitative', title: titles.x, scale: {zero: false}, axis: {tickCount: 8}};
  const color = {field: 'series', type: 'nominal', title: null};
  const y = {field: 'value', type: 'quantitative', title: titles.y, scale: {zero: false}};
  return draw(place, name, {
    height: 240, autosize: {type: 'fit-x', contains: 'padding'}, data: {values: rows},
    layer: [
      {mark: {type: 'area', opacity: 0.15}, transform: [{filter: 'isValid(datum.low)'}], encoding: {x, color, y: {...y, field: 'low'}, y2: {field: 'high'}}},
      {mark: {type: 'rule', opacity: 0.6}, transform: [{filter: 'isValid(datum.low)'}], encoding: {x, color, y: {...y, field: 'low'}, y2: {field: 'high'}}},
      {mark: 'line', encoding: {x, color, y}},
      {mark: {type: 'point', filled: true, size: 70, cursor: 'pointer'}, encoding: {x, color, y, shape: {field: 'series', type: 'nominal', title: null},
        tooltip: [{field: 'series'}, {field: 'x', format: '.3~g', title: titles.x}, {field: 'value', format: '.3~g'}, {field: 'low', format: '.3~g'}, {field: 'high', format: '.3~g'}]}},
    ],
  }).then(view => { if (chosen) view.addEventListener('click', (_, item) => item?.datum?.series && chosen(item.datum)); return view; });
}
