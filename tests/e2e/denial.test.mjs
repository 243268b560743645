// Refused: who I am, what is needed, and the way on with another account or a stronger sign-in.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { documentAfter, visit } from './support/browser.mjs';
import { action, signIn, useAnotherAccount } from './support/people.mjs';
import { stage } from './support/stage.mjs';

const { demo, browser } = await stage();

const REFUSED = { level: 1, name: 'You do not have access' };

describe('a refusal', () => {
  test('bob_is_refused_at_admin_and_told_why', () =>
    visit(browser, async (page) => {
      await signIn(page, demo, 'bob');
      const response = await documentAfter(page, () => page.goto(`${demo.gateway}/admin`));
      assert.equal(response.status(), 403);
      await page.getByRole('heading', REFUSED).waitFor();
      const words = await page.getByRole('main').innerText();
      assert.match(words, /You are signed in as bob\b/);
      assert.match(words, /\bgroup:? ?ops\b/);
      for (const name of ['Try again', 'Use another account', 'Sign out']) {
        assert.ok(await action(page, name).isVisible(), `the page offers "${name}"`);
      }
    }));

  test('a_sign_in_that_is_not_enough_ends_on_the_refusal_not_in_a_loop', () =>
    visit(browser, async (page) => {
      await signIn(page, demo, 'eve', '/admin');
      assert.equal(page.url(), `${demo.gateway}/admin`);
      await page.getByRole('heading', REFUSED).waitFor();
      assert.match(await page.getByRole('main').innerText(), /You are signed in as eve\b/);
    }));

  test('another_account_arrives_where_the_first_was_refused', () =>
    visit(browser, async (page) => {
      await signIn(page, demo, 'bob', '/admin?tab=2');
      await page.getByRole('heading', REFUSED).waitFor();
      await useAnotherAccount(page, demo, 'alice');
      assert.equal(page.url(), `${demo.gateway}/admin?tab=2`);
      await page.getByText('You are alice').first().waitFor();
    }));

  test('trying_again_without_new_rights_ends_on_the_refusal', () =>
    visit(browser, async (page) => {
      await signIn(page, demo, 'bob', '/admin');
      await page.getByRole('heading', REFUSED).waitFor();
      const response = await documentAfter(page, () => action(page, 'Try again').click());
      assert.equal(response.status(), 403);
      assert.equal(page.url(), `${demo.gateway}/admin`);
    }));

  test('a_script_is_refused_with_json_and_no_sign_in', () =>
    visit(browser, async (page) => {
      await signIn(page, demo, 'bob');
      const seen = await page.evaluate(async () => {
        const response = await fetch('/admin');
        return { status: response.status, type: response.headers.get('content-type') };
      });
      assert.equal(seen.status, 403);
      assert.match(seen.type, /^application\/json\b/);
    }));

  test('a_second_factor_opens_the_sensitive_page', () =>
    visit(browser, async (page) => {
      await signIn(page, demo, 'alice');
      const response = await documentAfter(page, () => page.goto(`${demo.gateway}/sensitive`));
      assert.equal(response.status(), 403);
      await page.getByRole('heading', REFUSED).waitFor();
      await useAnotherAccount(page, demo, 'alice', { secondFactor: true });
      assert.equal(page.url(), `${demo.gateway}/sensitive`);
      await page.getByText('You are alice').first().waitFor();
    }));
});
