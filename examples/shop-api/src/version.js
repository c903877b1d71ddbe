'use strict';
// Which build this is: written by `npm run build`, absent while developing.
const fs = require('node:fs');
const path = require('node:path');

const FILE = path.join(__dirname, '..', 'dist', 'version.json');

function version(file = FILE) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).version;
  } catch {
    return 'development';
  }
}

module.exports = { version };
