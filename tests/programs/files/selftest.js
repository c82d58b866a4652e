// SPDX-License-Identifier: MIT
const test = require('node:test'), assert = require('node:assert'), fs = require('fs');
test('arithmetic', () => assert.strictEqual(6 * 7, 42));
test('files', async t => {
	await t.test('read', () => assert.ok(fs.readFileSync('/etc/hostname').length));
	await t.test('missing', () => assert.throws(() => fs.readFileSync('/none'), { code: 'ENOENT' }));
});
test('later', () => new Promise(d => setTimeout(d, 10)));
