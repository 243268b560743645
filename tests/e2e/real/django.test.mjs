// In front of Django's admin behind gunicorn, unmodified: RemoteUserMiddleware believes Remote-User.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { documentAfter, visit } from '../support/browser.mjs';
import { axe } from '../support/judges.mjs';
import { action, sessionCookie } from '../support/people.mjs';
import { answers, freePorts, fromPython, start, workFolder } from '../support/process.mjs';
import { asksForLogin, confirmLogOut, logIn } from '../support/provider.mjs';
import { realStage } from '../support/real.mjs';
import { raw, statusOf } from '../support/requests.mjs';

const run = promisify(execFile);

/** A project as `django-admin startproject` lays one out, with what Django's page on REMOTE_USER says to add. */
const PROJECT = {
  'settings.py': `
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "site_of_tests.urls"
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "site_of_tests.remote_user.HeaderMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.RemoteUserBackend"]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
`,
  'remote_user.py': `
from django.contrib.auth.middleware import RemoteUserMiddleware

class HeaderMiddleware(RemoteUserMiddleware):
    header = "HTTP_REMOTE_USER"
`,
  'urls.py': `
from django.contrib import admin
from django.urls import path
urlpatterns = [path("admin/", admin.site.urls)]
`,
  'wsgi.py': `
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_tests.settings")
application = get_wsgi_application()
`,
  '__init__.py': '',
};

async function django() {
  const [port] = await freePorts(1);
  const folder = workFolder('django');
  await mkdir(join(folder, 'site_of_tests'));
  for (const [name, text] of Object.entries(PROJECT)) {
    await writeFile(join(folder, 'site_of_tests', name), text.trimStart());
  }
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    PYTHONPATH: folder,
    DJANGO_SETTINGS_MODULE: 'site_of_tests.settings',
    DJANGO_SUPERUSER_PASSWORD: 'never used',
  };
  const manage = (...args) => run(fromPython('django-admin'), args, { cwd: folder, env });
  await manage('migrate', '--verbosity', '0');
  // Who may administer is Django's own affair: alice may, whoever else comes is a new user without rights.
  await manage('createsuperuser', '--noinput', '--username', 'alice', '--email', 'alice@example.com');
  const app = await start(
    'gunicorn',
    fromPython('gunicorn'),
    ['--bind', `127.0.0.1:${port}`, '--workers', '2', '--worker-tmp-dir', folder, 'site_of_tests.wsgi'],
    { cwd: folder, env, ready: answers(`http://127.0.0.1:${port}/admin/login/`, [200]) },
  );
  after(() => app.stop());
  return port;
}

const appPort = await django();
const { url, port, provider, browser } = await realStage({
  routes: `
[routes.site]
upstream = "http://127.0.0.1:${appPort}"
allow = ["group:staff"]
headers = "authelia"
`,
});

const welcome = (page, user) => page.locator('#user-tools').getByText(user, { exact: true }).waitFor();

describe('the admin of django', () => {
  test('shows_who_signed_in_with_the_provider', () =>
    visit(browser, async (page) => {
      await page.goto(`${url}/admin/`);
      await logIn(page, provider, 'alice');
      assert.equal(page.url(), `${url}/admin/`);
      await welcome(page, 'alice');
      await page.getByRole('heading', { name: 'Site administration' }).waitFor();
    }));

  test('takes_a_form_whose_csrf_check_sees_the_address_that_people_type', () =>
    visit(browser, async (page, context) => {
      await page.goto(`${url}/admin/auth/group/add/`);
      await logIn(page, provider, 'alice');
      await page.getByLabel('Name:').fill('editors');
      const saved = await documentAfter(page, () => page.getByRole('button', { name: 'Save', exact: true }).click());
      assert.equal(saved.status(), 200);
      await page.getByText(/The group .*editors.* was added successfully/).waitFor();
      assert.equal(page.url(), `${url}/admin/auth/group/`);

      // The same without the token is refused by Django, not by us: forms are checked.
      await context.clearCookies({ name: 'csrftoken' });
      const status = await page.evaluate(async () => (await fetch('/admin/auth/group/add/', { method: 'POST' })).status);
      assert.equal(status, 403);
    }));

  test('lets_nobody_in_who_is_not_staff_there', () =>
    visit(browser, async (page) => {
      await page.goto(`${url}/admin/`);
      await logIn(page, provider, 'bob');
      await page.getByText(/You are authenticated as bob, but are not authorized/).waitFor();
    }));

  test('shows_the_next_person_in_the_same_browser', () =>
    visit(browser, async (page) => {
      await page.goto(`${url}/admin/`);
      await logIn(page, provider, 'alice');
      await welcome(page, 'alice');
      await page.goto(`${url}/oauth2/start?switch=1&rd=/admin/`);
      // The provider asks again, since another account is wanted.
      await logIn(page, provider, 'bob');
      // Django's own session was of alice. Its middleware sees another name and drops it.
      await page.getByText(/You are authenticated as bob, but are not authorized/).waitFor();
    }));

  test('is_shut_after_the_sign_out', () =>
    visit(browser, async (page, context) => {
      await page.goto(`${url}/admin/`);
      await logIn(page, provider, 'alice');
      await welcome(page, 'alice');
      await page.goto(`${url}/oauth2/sign_out`);
      await action(page, 'Sign out').click();
      await confirmLogOut(page, provider);
      await page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
      await axe(page);

      // The cookie of Django's session is still there, and opens nothing.
      assert.ok((await context.cookies(url)).some((cookie) => cookie.name === 'sessionid'));
      await page.goto(`${url}/admin/`);
      await asksForLogin(page, provider);
    }));

  test('believes_a_made_up_name_when_asked_directly_and_never_through_the_gateway', () =>
    visit(browser, async (page, context) => {
      const get = (target, lines) =>
        raw(target, ['GET /admin/ HTTP/1.1', `Host: 127.0.0.1:${target}`, 'Connection: close', ...lines]);
      assert.equal(statusOf(await get(appPort, ['Remote-User: alice'])), 200, 'directly it is believed');

      await page.goto(`${url}/admin/`);
      await logIn(page, provider, 'bob');
      const { name, value } = await sessionCookie(context);
      for (const spelling of ['Remote-User', 'remote-user', 'Remote_User', 'REMOTE_USER', 'HTTP_REMOTE_USER']) {
        assert.equal(statusOf(await get(port, [`${spelling}: alice`])), 401, spelling);
        const answer = await get(port, [`${spelling}: alice`, `Cookie: ${name}=${value}`]);
        // bob is sent to Django's own login page, as above.
        assert.equal(statusOf(answer), 302, spelling);
        assert.match(answer, /^location: \/admin\/login\//im);
      }
    }));
});
