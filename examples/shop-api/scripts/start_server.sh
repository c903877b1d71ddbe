#!/bin/sh
# Starts the service in a session of its own, with its output in a file, so that it outlives this
# hook and leaves the hook's output closed.
set -eu
cd /var/www/shop-api
PORT=8080 NODE_ENV=production setsid node src/server.js >/tmp/shop-api.log 2>&1 </dev/null &
echo $! >/tmp/shop-api.pid
