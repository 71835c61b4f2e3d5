// The page: which view is open (the address's #), and the player that all views share.
import {ask} from './ask.js';
import {h, fill, count, hours} from './dom.js';
import {closePlayer, openPlayer} from './player.js';
import * as cuts from './views/cuts.js';
import * as mixtures from './views/mixtures.js';
import * as audits from './views/audits.js';
import * as studies from './views/studies.js';

const VIEWS = {cuts: ['Cuts', cuts], mixtures: ['Mixtures', mixtures], audits: ['Audits', audits], studies: ['Studies', studies]};
const main = document.getElementById('main');
let leave = () => {};

function place() {
  const [name, query] = location.hash.slice(1).split('?');
  return [name in VIEWS ? name : 'cuts', new URLSearchParams(query || '')];
}

async function open(about) {
  const [name, query] = place();
  leave();
  for (const link of document.querySelectorAll('#views a'))
    link.hash === `#${name}` ? link.setAttribute('aria-current', 'page') : link.removeAttribute('aria-current');
  document.title = `${VIEWS[name][0]} · soundwave`;
  closePlayer();
  const stop = new AbortController();
  leave = () => stop.abort();
  fill(main);
  await VIEWS[name][1].show(main, about, query, stop.signal);
  if (query.get('cut')) openPlayer(query.get('cut'), about);
}

function guarded(work) {
  return work.catch(error => {
    if (error.name !== 'AbortError') fill(main, h('p', {class: 'error', role: 'alert'}, error.message));
  });
}

fill(document.getElementById('views'), Object.entries(VIEWS).map(([name, [title]]) => h('a', {href: `#${name}`}, title)));
guarded(ask('about').then(about => {
  fill(document.getElementById('about'), `${about.catalog} · ${count(about.cuts)} cuts · ${hours(about.hours)}`);
  window.addEventListener('hashchange', () => guarded(open(about)));
  return open(about);
}));
