// Requests byte by byte: what no browser and no client library would send.

import { connect } from 'node:net';

/** Sends one request head as written (lines without their ends) and resolves with the whole answer as text. */
export function raw(port, lines) {
  return new Promise((done, fail) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (text) => {
      answer += text;
    });
    socket.on('end', () => done(answer));
    socket.on('error', fail);
    socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  });
}

/** The status of such an answer. */
export const statusOf = (answer) => Number(answer.match(/^HTTP\/1\.[01] (\d{3})/)?.[1]);
