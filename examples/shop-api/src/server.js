'use strict';
// Listens, and ends politely: no new connections, running requests are answered.
const { createApp } = require('./app');

const port = Number(process.env.PORT || 8080);
const server = createApp().listen(port, () => {
  console.log(`shop-api listens on port ${port}`);
});
server.keepAliveTimeout = 65000;

function stop() {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
