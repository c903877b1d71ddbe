'use strict';
// Stamps the build: which commit, when.
const fs = require('node:fs');
const path = require('node:path');

const dist = path.join(__dirname, '..', 'dist');
const commit = process.env.CODEBUILD_RESOLVED_SOURCE_VERSION || 'local';
fs.mkdirSync(dist, { recursive: true });
fs.writeFileSync(path.join(dist, 'version.json'), JSON.stringify({
  version: commit.slice(0, 8),
  build: process.env.CODEBUILD_BUILD_NUMBER || '0',
  built: new Date().toISOString(),
}) + '\n');
console.log(`built shop-api ${commit.slice(0, 8)}`);
