'use strict';
const { Shop, ShopError } = require('../src/shop');

describe('shop', () => {
  test('an order sums what is in the cart', () => {
    const shop = new Shop();
    const cart = shop.createCart();
    shop.addItem(cart.id, 'rope', 2);
    shop.addItem(cart.id, 'lantern');
    expect(shop.order(cart.id).cents).toBe(2 * 4900 + 2450);
  });

  test('an empty cart cannot be ordered', () => {
    const shop = new Shop();
    const cart = shop.createCart();
    expect(() => shop.order(cart.id)).toThrow(ShopError);
  });

  test.each([0, -1, 1.5, 101, '3'])('a quantity of %p is refused', (quantity) => {
    const shop = new Shop();
    const cart = shop.createCart();
    expect(() => shop.addItem(cart.id, 'rope', quantity)).toThrow('quantity');
  });

  test('unknown products and carts are named', () => {
    const shop = new Shop();
    expect(() => shop.product('anchor')).toThrow('no product anchor');
    expect(() => shop.addItem('x', 'rope', 1)).toThrow('no cart x');
  });
});
