// Sign-ins that go astray: each ends on a page that says how to go on, or at the target, and never goes round in circles.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { documentAfter, stations, visit } from './support/browser.mjs';
import {
  action,
  atProvider,
  backAt,
  callbackOf,
  didNotFinish,
  leaveProvider,
  pressUser,
  sessionCookie,
  signIn,
  upToCallback,
} from './support/people.mjs';
import { stage } from './support/stage.mjs';

const { demo, browser } = await stage();

const STALE = /took too long, was finished already, or was started in another browser; or this browser keeps no cookies/;

/** Our cookies of this browser, the provider's left alone. */
const forgetOurs = (context) => context.clearCookies({ domain: '127.0.0.1' });

/** "Start again" from a page of ours, through the provider, to `path` as alice. */
async function startAgain(page, path) {
  await action(page, 'Start again').click();
  await page.waitForURL((url) => url.origin === demo.provider || !url.pathname.startsWith('/oauth2/'));
  if (new URL(page.url()).origin === demo.provider) {
    await atProvider(page, demo);
    await pressUser(page, demo, 'alice');
  }
  await greets(page, 'alice', path);
}

async function greets(page, user, path) {
  await page.getByText(`You are ${user}`).first().waitFor();
  assert.equal(page.url(), demo.gateway + path);
}

describe('an old callback address', () => {
  test('with_a_session_it_leads_to_the_start_page', () =>
    visit(browser, async (page) => {
      const callback = await callbackOf(page, () => signIn(page, demo, 'alice', '/first'));
      const asked = await stations(page, 2, () => page.goto(callback));
      assert.deepEqual(asked, [callback, `${demo.gateway}/`]);
      await greets(page, 'alice', '/');
    }));

  test('without_one_it_says_so_and_one_press_signs_in', () =>
    visit(browser, async (page, context) => {
      const callback = await callbackOf(page, () => signIn(page, demo, 'alice', '/first'));
      await forgetOurs(context);
      const asked = await stations(page, 1, async () => {
        const response = await documentAfter(page, () => page.goto(callback));
        assert.equal(response.status(), 400);
      });
      assert.deepEqual(asked, [callback]);
      assert.match(await didNotFinish(page), STALE);
      assert.equal(await sessionCookie(context), undefined, 'an old address signs nobody in');
      await startAgain(page, '/');
    }));

  test('in_another_browser_it_signs_nobody_in', () =>
    visit(browser, async (page) => {
      const callback = await callbackOf(page, () => signIn(page, demo, 'alice'));
      await visit(browser, async (other, others) => {
        await stations(other, 1, () => other.goto(callback));
        assert.match(await didNotFinish(other), STALE);
        assert.equal(await sessionCookie(others), undefined);
      });
    }));
});

describe('the back button after a sign-in', () => {
  test('the_page_of_the_provider_is_over_and_the_session_goes_on', () =>
    visit(browser, async (page) => {
      await signIn(page, demo, 'alice', '/kept');
      await stations(page, 2, () => page.goBack());
      assert.equal(new URL(page.url()).origin, demo.provider);
      // A page out of the browser's memory can be pressed once more; a page asked for anew says that it is over.
      const button = page.getByRole('button', { name: /Allow|Sign in as alice/ });
      if (await button.count()) await stations(page, 5, () => documentAfter(page, () => button.click()));
      await stations(page, 2, () => page.goForward());
      await page.goto(`${demo.gateway}/kept`);
      await greets(page, 'alice', '/kept');
    }));

  test('back_to_before_the_sign_in_ends_at_the_target', () =>
    visit(browser, async (page) => {
      await page.goto(`${demo.gateway}/public`);
      await signIn(page, demo, 'alice', '/kept');
      await page.goBack();
      await stations(page, 2, () => page.goBack());
      assert.equal(page.url(), `${demo.gateway}/public`);
      await stations(page, 1, () => page.goto(`${demo.gateway}/kept`));
      await greets(page, 'alice', '/kept');
    }));
});

describe('a double click', () => {
  for (const name of ['Sign in as alice', 'Allow']) {
    test(`on "${name}" ends at the target or on the provider's page`, () =>
      visit(browser, async (page) => {
        await page.goto(`${demo.gateway}/twice`);
        await atProvider(page, demo);
        const greeting = page.getByRole('heading', { level: 1, name: /^You are (alice|bob)$/ });
        const over = page.getByRole('heading', { level: 1, name: 'This page is over' });
        const allow = page.getByRole('button', { name: 'Allow', exact: true });
        if (name === 'Allow') {
          // Asked for once per person and run: whoever is first in this file sees it.
          await page.getByRole('button', { name: 'Sign in as bob' }).click();
          await allow.or(greeting).waitFor();
          if (await allow.count()) {
            await stations(page, 6, async () => {
              await allow.dblclick();
              await greeting.or(over).waitFor();
            });
          }
        } else {
          await stations(page, 6, async () => {
            await page.getByRole('button', { name }).dblclick();
            await greeting.or(over).or(allow).waitFor();
          });
        }
        // Wherever the second press led: the way on is one page load long.
        await stations(page, 6, () => page.goto(`${demo.gateway}/twice`));
        if (new URL(page.url()).origin === demo.provider) {
          const again = page.getByRole('button', { name: 'Sign in as alice' });
          await allow.or(again).first().waitFor();
          if (await again.count()) await again.click();
          await Promise.race([allow.waitFor(), backAt(page, demo.gateway)]);
          if (await allow.count()) await allow.click();
          await backAt(page, demo.gateway);
        }
        await greeting.waitFor();
        assert.equal(page.url(), `${demo.gateway}/twice`);
      }));
  }

  test('on_start_again_ends_at_the_target', () =>
    visit(browser, async (page, context) => {
      await signIn(page, demo, 'alice');
      await forgetOurs(context);
      await page.goto(`${demo.gateway}/oauth2/callback?state=old&code=old`);
      await stations(page, 8, async () => {
        await action(page, 'Start again').dblclick();
        await backAt(page, demo.gateway);
      });
      await greets(page, 'alice', '/');
    }));

  test('the_same_answer_of_the_provider_loaded_twice_at_once_signs_in_once', () =>
    visit(browser, async (page, context) => {
      // Some browsers and virus scanners ask for an address twice. The code is spent by the first.
      await signIn(page, demo, 'alice');
      await forgetOurs(context);
      const callback = await upToCallback(context, `${demo.gateway}/double`);
      const tabs = [await context.newPage(), await context.newPage()];
      await Promise.all(tabs.map((tab) => stations(tab, 2, () => tab.goto(callback))));
      for (const tab of tabs) {
        await tab.getByText('You are alice').first().waitFor();
        assert.ok([`${demo.gateway}/double`, `${demo.gateway}/`].includes(tab.url()), tab.url());
      }
    }));
});

describe("a bookmark of the provider's page", () => {
  /** The address that a person sees while the provider asks who they are. */
  async function bookmark(page) {
    const request = page.waitForRequest((asked) => asked.url().startsWith(`${demo.provider}/authorize`));
    await page.goto(`${demo.gateway}/bookmarked`);
    const authorize = (await request).url();
    await atProvider(page, demo);
    return { authorize, shown: page.url() };
  }

  test('opened_days_later_it_ends_on_a_page_and_one_press_signs_in', () =>
    visit(browser, async (page, context) => {
      const { authorize } = await bookmark(page);
      await context.clearCookies();
      await page.goto(authorize);
      await atProvider(page, demo);
      await stations(page, 4, () => leaveProvider(page, demo, 'alice'));
      assert.match(await didNotFinish(page), STALE);
      await startAgain(page, '/');
    }));

  test('opened_with_a_session_it_ends_at_the_start_page', () =>
    visit(browser, async (page) => {
      const { authorize } = await bookmark(page);
      await pressUser(page, demo, 'alice');
      await stations(page, 3, () => page.goto(authorize));
      await greets(page, 'alice', '/');
    }));

  test('the_page_shown_there_is_over_when_opened_elsewhere', () =>
    visit(browser, async (page, context) => {
      const { shown } = await bookmark(page);
      await context.clearCookies();
      await stations(page, 2, () => page.goto(shown));
      assert.equal(new URL(page.url()).origin, demo.provider);
      await page.goto(`${demo.gateway}/bookmarked`);
      await atProvider(page, demo);
      await pressUser(page, demo, 'alice');
      await greets(page, 'alice', '/bookmarked');
    }));
});

describe('two tabs that sign in as different people', () => {
  test('the_last_one_counts_in_both_and_nobody_is_mixed', () =>
    visit(browser, async (first, context) => {
      const second = await context.newPage();
      await first.goto(`${demo.gateway}/one`);
      await atProvider(first, demo);
      await second.goto(`${demo.gateway}/two`);
      await atProvider(second, demo);

      await pressUser(first, demo, 'alice');
      await greets(first, 'alice', '/one');
      await pressUser(second, demo, 'bob');
      await greets(second, 'bob', '/two');

      await stations(first, 1, () => first.reload());
      await greets(first, 'bob', '/one');
      for (const page of [first, second]) {
        const told = await page.evaluate(async () => (await fetch('/oauth2/userinfo')).json());
        assert.deepEqual({ user: told.user, email: told.email, groups: told.groups }, {
          user: 'bob',
          email: 'bob@example.com',
          groups: ['staff'],
        });
        assert.doesNotMatch(await page.getByRole('main').innerText(), /\balice\b/);
      }
      const refused = await documentAfter(first, () => first.goto(`${demo.gateway}/admin`));
      assert.equal(refused.status(), 403, 'the groups of the first person went with her session');
    }));
});

describe('cookies that are lost', () => {
  test('between_start_and_callback_ends_on_a_page_and_one_press_signs_in', () =>
    visit(browser, async (page, context) => {
      await page.goto(`${demo.gateway}/wanted`);
      await atProvider(page, demo);
      await forgetOurs(context);
      const callback = page.waitForResponse((response) => new URL(response.url()).pathname === '/oauth2/callback');
      await stations(page, 4, () => leaveProvider(page, demo, 'alice'));
      assert.equal((await callback).status(), 400);
      assert.match(await didNotFinish(page), STALE);
      await startAgain(page, '/');
    }));
});

describe('a person who says no at the provider', () => {
  test('reads_so_and_can_start_again_for_the_same_page', () =>
    visit(browser, async (page) => {
      await page.goto(`${demo.gateway}/wanted?n=1`);
      await atProvider(page, demo);
      await stations(page, 2, async () => {
        const response = await documentAfter(page, () => page.getByRole('button', { name: 'Cancel' }).first().click());
        assert.equal(response.status(), 403);
      });
      assert.match(await didNotFinish(page), /did not let you in, or you declined/);
      await startAgain(page, '/wanted?n=1');
    }));
});
