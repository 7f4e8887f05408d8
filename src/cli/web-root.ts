import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";

/** Folders whose content web servers hand out, as distributions and hosters set them up. */
const PUBLIC_NAMES = ["public_html", "htdocs", "httpdocs", "wwwroot", "webroot", "docroot", "public", "html", "www"];
const PUBLIC_ROOTS = ["/var/www/html", "/srv/http", "/srv/www/htdocs", "/usr/share/nginx/html", "/usr/local/www"];
/** Under these, sites have folders of their own beside what is public. */
const CONTAINERS = ["/var/www", "/srv/www"];
/** What the folder of a site holds. */
const SITE_FILES = [".htaccess", "index.php", "index.html", "index.htm", "wp-config.php", "web.config"];

/**
 * The folder that a web server probably hands out and that `path` lies in, or null. A guess from names and from what
 * stands there: only the server's own settings know.
 */
export function webRootOf(path: string): string | null {
  const real = realPath(path);
  for (let folder = dirname(real); folder !== dirname(folder); folder = dirname(folder)) {
    if (isPublic(folder)) return folder;
  }
  return isPublicName(real) && !CONTAINERS.includes(real) ? real : null;
}

function isPublic(folder: string): boolean {
  if (PUBLIC_ROOTS.includes(folder)) return true;
  if (isPublicName(folder) && !CONTAINERS.includes(folder)) return true;
  return SITE_FILES.some((name) => existsSync(join(folder, name)));
}

const isPublicName = (folder: string): boolean => PUBLIC_NAMES.includes(basename(folder).toLowerCase());

/** Without the links in it, as far as it is there. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : `${realPath(above).replace(/\/$/, "")}${sep}${basename(path)}`;
  }
}
