'use strict';
const request = require('supertest');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { createApp } = require('../src/app');
const { version } = require('../src/version');

describe('HTTP', () => {
  const app = createApp();

  test('health says ok', async () => {
    const response = await request(app).get('/health');
    expect(response.status).toBe(200);
    expect(response.body.status).toBe('ok');
  });

  test('the root names the service', async () => {
    const response = await request(app).get('/');
    expect(response.body.service).toBe('shop-api');
  });

  test('products are listed and found', async () => {
    const all = await request(app).get('/products');
    expect(all.body.length).toBe(3);
    const one = await request(app).get('/products/rope');
    expect(one.body.cents).toBe(4900);
  });

  test('a cart becomes an order', async () => {
    const cart = (await request(app).post('/carts')).body;
    await request(app).post(`/carts/${cart.id}/items`).send({ productId: 'windlass', quantity: 2 });
    const order = await request(app).post(`/carts/${cart.id}/order`);
    expect(order.status).toBe(201);
    expect(order.body.cents).toBe(3990);
  });

  test('errors are JSON', async () => {
    expect((await request(app).get('/products/anchor')).status).toBe(404);
    expect((await request(app).get('/nowhere')).body.error).toContain('/nowhere');
    const broken = await request(app).post('/carts').set('Content-Type', 'application/json').send('{');
    expect(broken.status).toBe(400);
  });

  test('the version comes from the build', () => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'shop-')), 'version.json');
    fs.writeFileSync(file, '{"version":"abc"}');
    expect(version(file)).toBe('abc');
    expect(version('/nowhere')).toBe('development');
  });
});
