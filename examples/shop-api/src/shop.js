'use strict';
// Products, carts and orders, in memory.
const { randomUUID } = require('node:crypto');

class ShopError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const CATALOGUE = [
  { id: 'rope', name: 'Tow rope, 30 m', cents: 4900 },
  { id: 'lantern', name: 'Bow lantern', cents: 2450 },
  { id: 'windlass', name: 'Lock windlass', cents: 1995 },
];

class Shop {
  constructor(catalogue = CATALOGUE) {
    this.catalogue = new Map(catalogue.map((product) => [product.id, product]));
    this.carts = new Map();
  }

  products() {
    return [...this.catalogue.values()];
  }

  product(id) {
    const product = this.catalogue.get(id);
    if (!product) throw new ShopError(404, `no product ${id}`);
    return product;
  }

  createCart() {
    const cart = { id: randomUUID(), items: [] };
    this.carts.set(cart.id, cart);
    return cart;
  }

  cart(id) {
    const cart = this.carts.get(id);
    if (!cart) throw new ShopError(404, `no cart ${id}`);
    return cart;
  }

  addItem(cartId, productId, quantity = 1) {
    const cart = this.cart(cartId);
    const product = this.product(productId);
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > 100) {
      throw new ShopError(400, 'quantity must be a whole number from 1 to 100');
    }
    cart.items.push({ productId: product.id, quantity });
    return cart;
  }

  order(cartId) {
    const cart = this.cart(cartId);
    if (cart.items.length === 0) throw new ShopError(409, 'the cart is empty');
    const cents = cart.items.reduce(
      (sum, item) => sum + this.product(item.productId).cents * item.quantity, 0);
    this.carts.delete(cartId);
    return { id: randomUUID(), items: cart.items, cents };
  }
}

module.exports = { Shop, ShopError };
