/** Of the software; package.json has the same, which a bundle need not bring along. */
export const VERSION = '0.1.0';
