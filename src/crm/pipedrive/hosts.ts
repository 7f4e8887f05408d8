/** Of every company: the token's own company answers there. */
export const DEFAULT_BASE_URL = "https://api.pipedrive.com";
/** The vendor's own hosts end so. */
export const HOST_SUFFIX = ".pipedrive.com";
