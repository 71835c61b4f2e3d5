// The workshop: a mixture's shares and budget on sliders, and the plan that they would give.
import {ask, later, tell} from '../ask.js';
import {COLOURS, draw} from '../charts.js';
import {busy, count, failed, fill, h, shown, table} from '../dom.js';

const NUMBERS = {budget: ['Budget', 'any'], epochs: ['Epochs', 'any'], max_repeats: ['Most uses of a cut', 1], fraction: ['Share of the candidates', 'any'], seed: ['Seed', 1]};

export async function show(main, about, query, signal) {
  const picked = h('select', {id: 'mixture', onchange: () => open(picked.value)}, about.mixtures.map(name => h('option', {value: name}, name)));
  const work = h('div');
  fill(main, h('h2', {}, 'Mixture workshop'),
    h('p', {class: 'quiet'}, 'What a plan would be with other shares and another budget. Each answer is the plan that `soundwave mix plan` makes; nothing is kept of it until you save.'),
    h('p', {class: 'row'}, h('label', {for: 'mixture'}, 'Mixture '), picked), work);
  let changes = {}, opened = null, running = false, again = false;

  async function open(name) {
    fill(work, busy('Opening …'));
    try {
      opened = {name, ...await ask('mixture', {name}, signal)};
      changes = {};
      drawn();
      plan();
    } catch (error) { if (error.name !== 'AbortError') fill(work, failed(error)); }
  }

  const certificate = h('section', {'aria-label': 'Certificate', 'aria-live': 'polite', id: 'certificate'});

  function drawn() {
    const {settings} = opened, soon = later(plan, 200);
    const change = (key, value) => { changes[key] = value; soon(); };
    const shares = settings.shares && {...settings.shares}, ends = Math.max(...Object.values(shares ?? {a: 1}));
    const percent = [];
    const say = () => { const whole = Object.values(shares).reduce((a, b) => a + b, 0); percent.forEach(([name, place]) => { place.textContent = whole ? `${(100 * shares[name] / whole).toFixed(1)} %` : '–'; }); };
    const slider = name => {
      const id = `share-${name}`, top = ends > 1 ? ends * 2 : 1, said = h('output', {class: 'number', for: id});
      const set = (value, other) => { if (!(value >= 0)) return; shares[name] = value; other.value = value; say(); change('shares', {...shares}); };
      const range = h('input', {type: 'range', id, min: 0, max: top, step: top / 100, value: shares[name], oninput: () => set(Number(range.value), box)});
      const box = h('input', {type: 'number', min: 0, step: 'any', value: shares[name], 'aria-label': `Share of ${name}`, oninput: () => set(Number(box.value), range)});
      percent.push([name, said]);
      return h('div', {class: 'slider'}, h('label', {for: id}, name), range, box, said);
    };
    const number = ([key, [title, step]]) => {
      if (settings[key] === null || settings[key] === undefined) return null;
      const id = `set-${key}`, top = key === 'budget' || key === 'epochs' ? settings[key] * 4 : null;
      const box = h('input', {type: 'number', id, step, min: 0, value: settings[key], oninput: () => { if (box.value !== '') { if (range) range.value = box.value; change(key, Number(box.value)); } }});
      const range = top && h('input', {type: 'range', min: top / 400, max: top, step: top / 400, value: settings[key], 'aria-label': `${title}, ${settings.unit}`, oninput: () => { box.value = Number(Number(range.value).toPrecision(3)); change(key, Number(box.value)); }});
      return h('div', {class: 'slider'}, h('label', {for: id}, title), range || h('span'), box, h('span', {class: 'quiet'}, key === 'budget' ? settings.unit : ''));
    };
    const name = h('input', {type: 'text', id: 'save-as', value: `${settings.name}-2`}), saved = h('div', {role: 'status'});
    const save = h('form', {class: 'row', onsubmit: async event => {
      event.preventDefault();
      try {
        const {path} = await tell('save', {name: opened.name, changes, save_as: name.value}, signal);
        fill(saved, h('p', {}, `Saved. Its plan: `, h('code', {}, `soundwave mix plan ${path} --catalog ${about.catalog}`)));
      } catch (error) { fill(saved, failed(error)); }
    }}, h('label', {for: 'save-as'}, 'Save as a new file '), name, '.yaml', h('button', {class: 'main'}, 'Save'));
    fill(work, h('div', {class: 'cards workshop'},
      h('section', {'aria-label': 'Settings'}, h('h3', {}, `Shares of ${settings.unit.replace('_', ' ')}`),
        shares ? Object.keys(shares).map(slider) : h('p', {class: 'quiet'}, 'Its shares come of a temperature; they follow from the sizes.'),
        h('h3', {}, 'Amounts'), Object.entries(NUMBERS).map(number),
        h('p', {class: 'row'}, h('button', {type: 'button', onclick: () => { changes = {}; drawn(); plan(); }}, 'As it was')), save, saved,
        h('details', {}, h('summary', {}, 'Its query'), h('pre', {class: 'scroll', tabindex: 0}, settings.query))),
      certificate));
    if (shares) say();
  }

  // One plan at a time: while one is made the newest wish waits.
  async function plan() {
    if (running) { again = true; return; }
    running = true;
    certificate.setAttribute('aria-busy', 'true');
    const asked = opened.name;
    try {
      const found = await tell('plan', {name: opened.name, changes}, signal);
      if (asked === opened.name) drawLock(found);
    } catch (error) {
      if (error.name !== 'AbortError' && asked === opened.name) fill(certificate, h('h3', {}, 'It cannot be had'), failed(error));
    }
    certificate.setAttribute('aria-busy', 'false');
    running = false;
    if (again && !signal.aborted) { again = false; plan(); }
  }

  function drawLock({lock, uses}) {
    const rows = Object.entries(lock.domains).map(([domain, facts]) => ({domain, asked: facts.share, realised: facts.realised_share,
      [`planned ${lock.unit}`]: facts.planned, [`realised ${lock.unit}`]: facts.realised, draws: facts.draws, cuts: facts.unique, of: facts.candidates, 'most uses': facts.max_repeat}));
    const place = h('div', {class: 'chart'}), worst = lock.worst_window;
    fill(certificate, h('h3', {}, 'Certificate'),
      h('p', {class: 'verdict'}, `${count(lock.draws)} draws in ${count(lock.steps)} steps; ${shown(lock.budget)} ${lock.unit}, ${(lock.seconds / 3600).toFixed(2)} h of audio`),
      table('Domains', rows),
      worst && h('p', {class: 'quiet'}, `Worst window of ${lock.window} steps: number ${worst.window}, where ${worst.domain} has ${(100 * worst.share).toFixed(2)} % for ${(100 * (worst.share - worst.error)).toFixed(2)} %.`),
      lock.notes.map(note => h('p', {class: 'note'}, note)),
      h('h3', {}, 'How often cuts are used'), place,
      h('p', {class: 'quiet'}, 'Plan ', h('code', {id: 'plan-sha256'}, lock.plan_sha256), `, most uses ${lock.max_repeats}`));
    draw(place, `Cuts by number of uses: ${uses.map(row => `${row.domain} ${row.cuts} cuts ${row.uses} times`).join(', ').slice(0, 500)}`, {
      height: 130, autosize: {type: 'fit-x', contains: 'padding'}, data: {values: uses},
      mark: 'bar', encoding: {x: {field: 'uses', type: 'ordinal', title: 'uses', axis: {labelAngle: 0, labelOverlap: true}}, y: {field: 'cuts', type: 'quantitative'},
        color: {field: 'domain', type: 'nominal', title: null}, tooltip: [{field: 'domain'}, {field: 'uses'}, {field: 'cuts'}]},
    });
  }

  if (about.mixtures.length) await open(picked.value);
}
