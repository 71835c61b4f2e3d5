// Words light up while they are heard; a click on a word or on the wave plays from there. One clip plays at a time.
'use strict';
const all = [...document.querySelectorAll('.clip audio')];

for (const audio of all) {
  const clip = audio.closest('.clip'), words = [...clip.querySelectorAll('.word')], spans = [...clip.querySelectorAll('.span')];
  const wave = clip.querySelector('.wave'), head = clip.querySelector('.head'), seconds = Number(clip.dataset.seconds);
  const same = audio.dataset.same && document.getElementById(audio.dataset.same);
  if (same) audio.src = same.querySelector('audio').src;

  const show = () => {
    const now = audio.currentTime, at = seconds ? 1000 * now / seconds : 0;
    words.forEach((word, place) => {
      const lit = !audio.ended && now > 0 && now >= Number(word.dataset.start) && now < Number(word.dataset.end);
      word.classList.toggle('lit', lit);
      spans[place]?.classList.toggle('lit', lit);
    });
    head?.setAttribute('x1', at);
    head?.setAttribute('x2', at);
  };
  const follow = () => { show(); if (!audio.paused && !audio.ended) requestAnimationFrame(follow); };
  const from = start => {
    if (audio.readyState) audio.currentTime = start;
    else audio.addEventListener('loadedmetadata', () => { audio.currentTime = start; }, {once: true});
    audio.play().catch(() => {});
  };

  audio.addEventListener('play', () => {
    for (const other of all) if (other !== audio) other.pause();
    clip.classList.add('heard');
    follow();
  });
  for (const name of ['seeked', 'pause', 'ended', 'timeupdate']) audio.addEventListener(name, show);
  wave?.addEventListener('click', event => {
    const box = wave.getBoundingClientRect();
    from(seconds * (event.clientX - box.left) / box.width);
  });
  words.forEach((word, place) => {
    word.tabIndex = place ? -1 : 0; // one stop of the Tab key a clip; arrows go from word to word
    word.addEventListener('click', () => from(Number(word.dataset.start)));
    word.addEventListener('keydown', event => {
      const next = words[{ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: words.length - 1}[event.key]];
      if (!next) return;
      event.preventDefault();
      word.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  });
}
