/* What every page can do beside showing itself; each module looks after one thing. */
import "./keys.js";
import "./palette.js";
import "./sheet.js";
import "./menus.js";
import "./messages.js";
import "./rows.js";
import "./query.js";
import "./pane.js";
import "./selection.js";
import "./theme.js";
import "./live.js";
import "./parts.js";
import "./title.js";
import "./news.js";
import "./copy.js";
import "./back.js";
