-- The sale in PostgreSQL, in one statement: a unit of the hot row and its order, or nothing.
\set user random(1, 1000000000000)
WITH taken AS (
  UPDATE products SET stock = stock - 1 WHERE id = 'iphone-15' AND stock > 0 RETURNING id
)
INSERT INTO orders (product_id, user_id, idempotency_key, quantity)
SELECT id, 'user-' || :user, gen_random_uuid()::text, 1 FROM taken;
