'use strict';
// The HTTP side of the shop: routes, validation, errors. No listening here, so that tests can
// drive it without a port.
const express = require('express');
const { Shop, ShopError } = require('./shop');
const { version } = require('./version');

function createApp(shop = new Shop()) {
  const app = express();
  app.disable('x-powered-by');
  app.use(express.json({ limit: '16kb' }));
  app.use((req, res, next) => {
    res.set('X-Shop-Version', version());
    next();
  });

  app.get('/health', (req, res) => {
    res.json({ status: 'ok', version: version(), uptime: process.uptime() });
  });
  app.get('/', (req, res) => {
    res.json({ service: 'shop-api', version: version() });
  });
  app.get('/products', (req, res) => {
    res.json(shop.products());
  });
  app.get('/products/:id', (req, res) => {
    res.json(shop.product(req.params.id));
  });
  app.post('/carts', (req, res) => {
    res.status(201).json(shop.createCart());
  });
  app.post('/carts/:id/items', (req, res) => {
    res.status(201).json(shop.addItem(req.params.id, req.body.productId, req.body.quantity));
  });
  app.post('/carts/:id/order', (req, res) => {
    res.status(201).json(shop.order(req.params.id));
  });

  app.use((req, res) => {
    res.status(404).json({ error: `no route ${req.method} ${req.path}` });
  });
  // Express tells error handlers apart by their four parameters.
  app.use((err, req, res, next) => {
    void next;
    const status = err instanceof ShopError ? err.status : err.status || 500;
    res.status(status).json({ error: err.message });
  });
  return app;
}

module.exports = { createApp };
