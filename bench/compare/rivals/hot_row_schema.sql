CREATE TABLE products (id text PRIMARY KEY, stock bigint NOT NULL CHECK (stock >= 0));
CREATE TABLE orders (
  id bigserial PRIMARY KEY,
  product_id text NOT NULL REFERENCES products,
  user_id text NOT NULL,
  idempotency_key text NOT NULL,
  quantity bigint NOT NULL,
  UNIQUE (user_id, idempotency_key)
);
INSERT INTO products VALUES ('iphone-15', 1000000000000);
