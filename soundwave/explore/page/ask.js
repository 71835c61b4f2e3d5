// Requests to the server: JSON both ways; what it says of an error is the error's message.
async function answer(response) {
  const value = await response.json().catch(() => null);
  if (!response.ok) throw new Error(value?.error ?? `The server answered ${response.status}. Is it still running, with this token?`);
  return value;
}

async function sent(...words) {
  try { return await fetch(...words); } catch (error) {
    throw error.name === 'AbortError' ? error : new Error('The server does not answer. Start `soundwave explore` again.');
  }
}

export const ask = async (path, given = {}, signal) =>
  answer(await sent(`/api/${path}?${new URLSearchParams(given)}`, {signal}));

export const tell = async (path, body, signal) => answer(await sent(`/api/${path}`, {
  method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body), signal,
}));

// Of calls that come quickly one after another only the last is made, when `pause` ms have gone by.
export function later(call, pause = 250) {
  let timer;
  return (...words) => { clearTimeout(timer); timer = setTimeout(() => call(...words), pause); };
}
