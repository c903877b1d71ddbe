'use strict';
// Starts the packaged service on a free port and asks it for its health and its products.
const { createApp } = require('../src/app');

async function ask(base, path) {
  const response = await fetch(base + path);
  const body = await response.text();
  console.log(`GET ${path}: ${response.status} ${body}`);
  if (!response.ok) process.exitCode = 1;
}

const server = createApp().listen(0, '127.0.0.1', async () => {
  const base = `http://127.0.0.1:${server.address().port}`;
  await ask(base, '/health');
  await ask(base, '/products');
  server.close();
  server.closeAllConnections();
});
