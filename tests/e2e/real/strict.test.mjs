// Sessions that a browser keeps back from other sites: signing in, and links from elsewhere, in a browser that means it.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, describe, test } from 'node:test';
import { stations, visit } from '../support/browser.mjs';
import { axe, validHtml } from '../support/judges.mjs';
import { sessionCookie } from '../support/people.mjs';
import { asksForLogin, logIn } from '../support/provider.mjs';
import { realStage } from '../support/real.mjs';

const upstream = createServer((request, response) => {
  response.setHeader('content-type', 'text/html');
  response.end(`<!doctype html><title>app</title><p>${request.headers['x-forwarded-user']} at ${request.url}`);
});
await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
after(() => upstream.close());

const { url, provider, gateway, browser } = await realStage({
  session: 'same_site = "strict"',
  routes: `
[routes.app]
upstream = "http://127.0.0.1:${upstream.address().port}"
allow = ["signed-in"]
`,
});

/** Another site: a page with a link to `to`. The name localhost is another site than 127.0.0.1. */
const mail = createServer((request, response) => {
  response.setHeader('content-type', 'text/html');
  response.end(`<!doctype html><title>mail</title><a href="${url}/linked?from=mail&n=1">the link</a>`);
});
await new Promise((done) => mail.listen(0, '127.0.0.1', done));
after(() => mail.close());
const inbox = `http://localhost:${mail.address().port}/`;

async function isAt(page, user, path) {
  await page.getByText(`${user} at ${path}`).waitFor();
  assert.equal(page.url(), url + path);
}

const starts = () => gateway.events().filter((event) => event.event === 'sign_in.started').length;

describe('same_site = "strict"', () => {
  test('signing_in_ends_on_the_page_asked_for_with_a_strict_cookie', () =>
    visit(browser, async (page, context) => {
      await page.goto(`${url}/wanted?x=1&y=2`);
      await logIn(page, provider, 'alice');
      await isAt(page, 'alice', '/wanted?x=1&y=2');
      assert.equal((await sessionCookie(context)).sameSite, 'Strict');
    }));

  test('a_link_from_another_site_finds_the_session_and_does_not_visit_the_provider', () =>
    visit(browser, async (page) => {
      await page.goto(`${url}/`);
      await logIn(page, provider, 'alice');
      const before = starts();
      await page.goto(inbox);
      const asked = await stations(page, 2, async () => {
        await page.getByText('the link').click();
        await isAt(page, 'alice', '/linked?from=mail&n=1');
      });
      assert.deepEqual(asked, [`${url}/linked?from=mail&n=1`, `${url}/linked?from=mail&n=1`]);
      assert.equal(starts(), before);
    }));

  test('a_link_from_another_site_without_a_session_leads_to_the_provider_and_back', () =>
    visit(browser, async (page) => {
      await page.goto(inbox);
      await page.getByText('the link').click();
      await asksForLogin(page, provider);
      await logIn(page, provider, 'bob');
      await isAt(page, 'bob', '/linked?from=mail&n=1');
    }));

  test('going_back_and_reloading_ends_well_too', () =>
    visit(browser, async (page) => {
      await page.goto(`${url}/`);
      await logIn(page, provider, 'alice');
      await page.goto(inbox);
      await page.getByText('the link').click();
      await isAt(page, 'alice', '/linked?from=mail&n=1');
      await page.reload();
      await isAt(page, 'alice', '/linked?from=mail&n=1');
      await page.goBack();
      await page.getByText('the link').click();
      await isAt(page, 'alice', '/linked?from=mail&n=1');
    }));

  test('the_page_between_reads_well_where_it_does_not_go_on_by_itself', () =>
    visit(browser, async (page, context) => {
      const headers = { accept: 'text/html', 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'cross-site' };
      const response = await context.request.get(`${url}/linked`, { headers });
      const source = await response.text();
      assert.equal(response.status(), 200);
      await validHtml(source, 'onward');
      await page.setContent(source.replace(/<meta http-equiv[^>]*>/, '').replace(/<link rel="stylesheet"[^>]*>/, ''));
      await axe(page);
      assert.equal(await page.getByRole('link', { name: 'Continue' }).getAttribute('href'), '/linked');
    }));
});
