// One cut: its wave and spectrogram, words lit as they are said, its mark, and all that is known of it.
import WaveSurfer from './vendor/wavesurfer.esm.min.js';
import Spectrogram from './vendor/spectrogram.esm.min.js';
import {ask, tell} from './ask.js';
import {COLOURS, curves} from './charts.js';
import {busy, failed, fill, h, shown, table} from './dom.js';

const panel = document.getElementById('player');
const MARKS = {ok: 'OK', wrong_text: 'Wrong text', wrong_label: 'Wrong label', bad_audio: 'Bad audio'};
let wave = null, opened = null, before = null;

export function closePlayer() {
  wave?.destroy();
  wave = opened = null;
  panel.hidden = true;
  fill(panel);
  before?.isConnected && before.focus();
  before = null;
}

export const playPause = () => wave?.playPause();

export async function openPlayer(id, about, {marked, play = false} = {}) {
  if (panel.hidden) before = document.activeElement;
  wave?.destroy();
  wave = null;
  opened = id;
  panel.hidden = false;
  fill(panel, busy(`Opening ${id} …`));
  try {
    const facts = await ask('cut', {id});
    if (opened !== id) return;
    draw(facts, about, marked, play);
  } catch (error) { fill(panel, closer(), failed(error)); }
}

const closer = () => h('button', {type: 'button', class: 'close', onclick: closePlayer, 'aria-label': 'Close this cut'}, '×');

function draw(facts, about, marked, play) {
  const {cut} = facts, sound = h('div', {class: 'sound'}), lit = h('div', {class: 'words', role: 'group', 'aria-label': 'Words and sounds, with times'});
  const heading = h('h2', {tabindex: -1}, cut.cut_id);
  fill(panel, closer(), heading,
    cut.text !== null && h('p', {class: 'text', lang: cut.language}, cut.text),
    cut.target_text !== null && h('p', {class: 'text target', lang: cut.target_language}, '→ ', cut.target_text),
    cut.recording_id === null ? h('p', {class: 'quiet'}, 'Text alone: nothing to hear.') : sound, lit, reviewed(cut, facts, marked), known(facts));
  heading.focus({preventScroll: true});
  if (innerWidth < 1100) panel.scrollIntoView({block: 'start'});
  if (cut.recording_id !== null) listen(sound, lit, facts, play);
}

function listen(place, lit, facts, play) {
  const {cut} = facts, style = getComputedStyle(document.documentElement);
  const button = h('button', {type: 'button', class: 'main', onclick: playPause}, 'Play');
  const time = h('output', {}, '0.00 s'), speed = h('select', {onchange: () => wave?.setPlaybackRate(Number(speed.value))},
    [0.5, 0.75, 1, 1.5, 2].map(rate => h('option', {value: rate, selected: rate === 1}, `${rate}×`)));
  const drawing = h('div', {class: 'wave', role: 'img', 'aria-label': 'Wave and spectrogram'});
  const lanes = h('div', {class: 'lanes', role: 'group', 'aria-label': 'Sounds, with times'});
  fill(place, h('div', {class: 'heard'}, lanes, drawing), h('p', {class: 'row'}, button, h('label', {}, 'Speed ', speed), time));
  const mine = wave = WaveSurfer.create({
    container: drawing, height: 72, waveColor: style.getPropertyValue('--wave').trim(), progressColor: COLOURS[0], cursorColor: COLOURS[1],
    url: `/api/sound?${new URLSearchParams({id: cut.cut_id})}`, cspNonce: document.querySelector('meta[name=nonce]').content, sampleRate: Math.min(Math.max(cut.sampling_rate ?? 16000, 8000), 48000),
  });
  mine.registerPlugin(Spectrogram.create({height: 110, labels: false, fftSamples: 512, colorMap: 'igray'}));
  mine.on('ready', () => { place.dataset.ready = 'yes'; if (play) mine.play().catch(() => {}); });
  mine.on('error', async error => fill(place, failed(await ask('sound', {id: cut.cut_id}).then(() => error, said => said))));
  mine.on('play', () => { button.textContent = 'Pause'; });
  mine.on('pause', () => { button.textContent = 'Play'; });
  const from = start => { mine.setTime(start); mine.play().catch(() => {}); };
  const words = [...spoken(lit, facts, from), ...spans(lanes, facts, from)];
  mine.on('timeupdate', now => {
    time.dataset.now = now;
    time.textContent = `${now.toFixed(2)} of ${cut.duration.toFixed(2)} s`;
    for (const [word, button] of words) button.classList.toggle('lit', now >= word.start && now < word.start + word.duration);
  });
}

// Words as buttons that play from their times, by aligner; without words the cut's sounds.
function spoken(place, {words, cut, sounds}, from) {
  const found = [], named = new Set(words.map(word => word.backend));
  const said = (word, text) => {
    const button = h('button', {type: 'button', class: 'word', onclick: () => from(word.start), 'data-start': word.start,
      title: `${word.start.toFixed(2)} to ${(word.start + word.duration).toFixed(2)} s${word.flag ? `, ${word.flag}` : ''}`}, text);
    found.push([word, button]);
    return button;
  };
  fill(place, [...named].map(name => h('p', {}, h('span', {class: 'quiet'}, `${name} `), words.filter(word => word.backend === name).map(word => [said(word, word.symbol), ' ']))),
    sounds.length > 0 && h('p', {}, h('span', {class: 'quiet'}, 'sounds '), sounds.map(sound => [said(sound, sound.name), ' '])));
  return found;
}

// Sounds that do not last for the whole cut, as labelled spans over the wave: those that sound together, or whose labels
// would touch, in lanes of their own. On the wave each is a tint.
function spans(place, {cut, sounds}, from) {
  const whole = sound => sound.start < 0.05 && sound.start + sound.duration > cut.duration - 0.05;
  if (!sounds.some(sound => !whole(sound))) return [];
  const share = seconds => `${100 * seconds / cut.duration}%`, names = [...new Set(sounds.map(sound => sound.name))];
  const drawn = sounds.map(sound => {
    const button = h('button', {type: 'button', class: 'span', onclick: () => from(sound.start), 'data-start': sound.start,
      title: `${sound.name}: ${sound.start.toFixed(2)} to ${(sound.start + sound.duration).toFixed(2)} s`}, h('span', {}, sound.name));
    const tint = h('div', {class: 'tint'});
    for (const one of [button, tint]) {
      Object.assign(one.style, {left: share(sound.start), width: share(sound.duration)});
      one.style.setProperty('--paint', COLOURS[names.indexOf(sound.name) % COLOURS.length]);
    }
    return {sound, button, tint};
  });
  fill(place, drawn.map(one => one.button));
  place.after(...drawn.map(one => one.tint));
  const arrange = () => {
    const width = place.clientWidth, ends = [];
    for (const {sound, button} of drawn) {
      const label = button.firstChild.offsetWidth + 12, left = width * sound.start / cut.duration, right = left + width * sound.duration / cut.duration;
      const leftwards = left + label > width; // a label that has no room to its right stands to its left
      const [begin, end] = leftwards ? [Math.min(left, right - label), right] : [left, Math.max(right, left + label)];
      const lane = [...ends, -1].findIndex(taken => taken <= begin);
      ends[lane] = end + 2;
      button.classList.toggle('leftwards', leftwards);
      button.style.top = `${lane * 24}px`;
    }
    place.style.height = `${ends.length * 24}px`;
  };
  arrange();
  const wide = new ResizeObserver(() => place.isConnected ? arrange() : wide.disconnect());
  wide.observe(place);
  return drawn.map(({sound, button}) => [sound, button]);
}

function reviewed(cut, facts, marked) {
  const review = facts.review[0], said = h('p', {class: 'quiet', role: 'status'}, review ? `Marked ${review.marked_at}` : 'Not marked');
  const note = h('input', {type: 'text', maxlength: 2000, value: review?.note ?? '', onkeydown: event => event.key === 'Enter' && current && mark(current)});
  const right = h('textarea', {rows: 2, maxlength: 2000, value: review?.right_text ?? ''}), heard = facts.labels.find(label => label.pass === 'agree' && label.name === 'heard')?.text;
  const begin = (text, title) => h('button', {type: 'button', onclick: () => { right.value = text; right.focus(); }}, title);
  const corrected = h('div', {class: 'right'}, h('label', {}, 'What is said (a mixture can train on it in place of the text) ', right),
    h('p', {class: 'row'}, h('button', {type: 'button', class: 'main', onclick: () => mark('wrong_text')}, 'Keep this text'),
      cut.text !== null && begin(cut.text, 'Begin with the text'), heard && begin(heard, 'Begin with what the recogniser heard')));
  let current = review?.mark ?? null;
  corrected.hidden = current !== 'wrong_text';
  const buttons = Object.entries(MARKS).map(([name, title]) =>
    h('button', {type: 'button', class: 'mark', 'data-mark': name, 'aria-pressed': String(current === name), onclick: () => mark(current === name && note.value === (review?.note ?? '') ? null : name)}, title));
  async function mark(name) {
    try {
      const text = name === 'wrong_text' ? right.value.trim() : '';
      await tell('mark', {id: cut.cut_id, mark: name, note: note.value, right_text: text});
      current = name;
      corrected.hidden = name !== 'wrong_text';
      for (const button of buttons) button.setAttribute('aria-pressed', String(button.dataset.mark === name));
      said.textContent = name ? `Marked ${MARKS[name]}${text && `, and what is said: ${text}`}` : 'Mark taken away';
      marked?.(cut.cut_id, name);
    } catch (error) { said.replaceWith(failed(error)); }
  }
  return h('section', {class: 'review', 'aria-label': 'Mark'}, h('div', {class: 'row'}, buttons), corrected, h('label', {}, 'Note ', note), said);
}

function known(facts) {
  const {cut, labels, rejects, draws, losses} = facts, verdicts = h('div', {}), place = h('div', {class: 'chart'});
  const rows = object => Object.entries(object ?? {}).filter(([, value]) => value !== null).map(([name, value]) => ({name, value: shown(value)}));
  const part = (title, number, content, more = {}) => h('details', more, h('summary', {}, title, number === null ? '' : ` (${number})`), content);
  const lost = losses.flatMap(row => [['next token', row.loss], ['CTC', row.ctc_loss]].filter(([, value]) => value !== null)
    .map(([kind, value]) => ({x: row.step, value, series: `${row.run}, ${kind}`})));
  let asked = false;
  return h('div', {class: 'known'},
    rejects.length > 0 && part('Refused by', rejects.length, table('Rejects', rejects), {open: true}),
    part('Labels', labels.length, labels.length ? table('Labels', labels) : h('p', {class: 'quiet'}, 'No pass has labelled it.')),
    part('What passes, rules and audits say', null, verdicts, {ontoggle: async event => {
      if (!event.target.open || asked) return;
      asked = true;
      fill(verdicts, busy('Asking every rule and audit …'));
      try { fill(verdicts, table('Verdicts', await ask('verdicts', {id: cut.cut_id}))); } catch (error) { fill(verdicts, failed(error)); }
    }}),
    part('Draws in plans', draws.length, draws.length ? table('Draws', draws) : h('p', {class: 'quiet'}, 'No plan draws it.')),
    part('Loss over time', losses.length, lost.length ? place : h('p', {class: 'quiet'}, 'No run was trained on it.'), {ontoggle: event => {
      if (event.target.open && lost.length && !place.firstChild) curves(place, `Loss of ${cut.cut_id} over steps`, lost, {x: 'step', y: 'loss'});
    }}),
    part('Row', null, table('Row of cuts', rows(cut))), part('Custom fields', null, table('Custom fields', rows(facts.custom))));
}
