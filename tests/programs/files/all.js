// SPDX-License-Identifier: MIT
// Workers, children, streams, timers, files, unix sockets.
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { spawn, execSync, fork } = require('child_process');
const crypto = require('crypto'), fs = require('fs'), net = require('net'), os = require('os'), path = require('path');
const zlib = require('zlib'), { pipeline } = require('stream/promises'), { once } = require('events');

async function main() {
	const workers = [1, 2, 3, 4].map(n => new Worker(__filename, { workerData: n }));
	const sums = await Promise.all(workers.map(async w => (await once(w, 'message'))[0]));
	console.log('workers', sums.join(' '));
	const shared = new Int32Array(new SharedArrayBuffer(8));
	const w = new Worker(__filename, { workerData: shared });
	await once(w, 'exit');
	console.log('atomics', Atomics.load(shared, 0));
	console.log('sync', execSync('echo $((6 * 7))').toString().trim());
	const cat = spawn('cat');
	let got = 0;
	cat.stdout.on('data', d => { got += d.length; });
	cat.stdin.end(Buffer.alloc(2000000));
	console.log('spawn', (await once(cat, 'close'))[0], got);
	const sleeper = spawn('sleep', ['100']);
	sleeper.kill('SIGTERM');
	console.log('killed', (await once(sleeper, 'exit'))[1]);
	const child = fork(__filename, ['child']);
	child.send({ n: 20 });
	console.log('fork', (await once(child, 'message'))[0]);
	child.disconnect();
	const dir = fs.mkdtempSync('./node');
	fs.writeFileSync(path.join(dir, 'a'), 'hello '.repeat(100000));
	await pipeline(fs.createReadStream(path.join(dir, 'a')), zlib.createGzip(), zlib.createGunzip(),
		fs.createWriteStream(path.join(dir, 'b')));
	const hash = f => crypto.createHash('sha256').update(fs.readFileSync(path.join(dir, f))).digest('hex').slice(0, 16);
	console.log('streams', hash('a'), hash('a') === hash('b'));
	const changed = new Promise(done => { const x = fs.watch(dir, (e, f) => { x.close(); done(f); }); });
	fs.writeFileSync(path.join(dir, 'new'), 'x');
	console.log('watch', await changed, (await fs.promises.readdir(dir)).sort().join(' '));
	fs.rmSync(dir, { recursive: true });
	const server = net.createServer(c => c.pipe(c)).listen('/tmp/node.sock');
	await once(server, 'listening');
	const answers = await Promise.all([...Array(30).keys()].map(async i => {
		const c = net.connect('/tmp/node.sock');
		c.end(`line ${i}`);
		return (await once(c, 'data'))[0].toString();
	}));
	server.close();
	console.log('sockets', answers[0], answers[29], answers.length);
	console.log('pbkdf2', (await new Promise(d => crypto.pbkdf2('a', 'b', 1000, 16, 'sha256', (e, k) => d(k)))).toString('hex'));
	process.once('SIGUSR2', () => console.log('signal'));
	process.kill(process.pid, 'SIGUSR2');
	const before = process.hrtime.bigint();
	await new Promise(d => setTimeout(d, 20));
	console.log('timer', process.hrtime.bigint() - before >= 19000000n, os.cpus().length > 0, os.totalmem() > 0);
	console.log('wasm', new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1,
		96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11])))
		.exports.add(40, 2));
	let x = [];
	for (let i = 0; i < 300000; i++) x[i % 5000] = { i, s: 'x' + i };
	console.log('garbage', x.length);
}

if (process.argv[2] === 'child') {
	process.on('message', m => process.send(m.n * 2 + 2));
} else if (isMainThread) {
	main();
} else if (typeof workerData === 'number') {
	let s = 0;
	for (let i = 0; i < 1e6; i++) s = (s + i * workerData) % 1000003;
	parentPort.postMessage(s);
} else {
	Atomics.add(workerData, 0, 41);
	Atomics.wait(workerData, 1, 0, 20);
	Atomics.add(workerData, 0, 1);
}
