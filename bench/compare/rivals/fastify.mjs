// The flash sale as a Node service: Fastify, ioredis, and the same script in Redis.
// Arguments: port, Redis socket, the script's file.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const [port, socket, script] = process.argv.slice(2);
// The packages are installed beside the data, not beside this file.
const require = createRequire(process.env.COMPARE_MODULES + '/');
const Fastify = require('fastify');
const Redis = require('ioredis');

const redis = new Redis({path: socket});
redis.defineCommand('decide', {numberOfKeys: 2, lua: readFileSync(script, 'utf8')});
const app = Fastify({logger: false});

const schema = {
  body: {
    type: 'object',
    required: ['productId', 'userId'],
    properties: {productId: {type: 'string'}, userId: {type: 'string'}},
  },
};
app.post('/order', {schema}, async (request, reply) => {
  const key = request.headers['x-idempotency-key'];
  reply.header('Cache-Control', 'no-store');
  if (!key) return reply.code(400).send({status: 'error'});
  const {productId, userId} = request.body;
  const order = await redis.decide(`stock:${productId}`, `key:${userId}:${key}`, 1);
  if (order === 0) return reply.code(409).send({status: 'sold_out', msg: 'Inventory empty'});
  return {status: 'success', msg: 'Order accepted', orderId: String(order), productId, quantity: 1};
});
await app.listen({port: Number(port), host: '127.0.0.1'});
console.log(`listening on http://127.0.0.1:${port}`);
