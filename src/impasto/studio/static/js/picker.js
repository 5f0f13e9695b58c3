// Choosing a picture: a file, a sample that comes with impasto, or one that was uploaded before.
import { api, pictureUrl } from "./api.js";
import { button, dialog, el, errorLine, toast } from "./dom.js";
import { adoptRecipe } from "./adopt.js";
import { addStyle, draft, dropMasks, known, pictures, remember, removeStyle, setContent } from "./state.js";
import { bytes } from "./format.js";
import { isClip, isFilm, mayMove } from "./player.js";
import { ApiError } from "./request.js";

const ACCEPT = "image/*,.tif,.tiff,.heic,.heif,.avif,.webp";
/** A photograph's place takes clips too. */
const ACCEPT_CLIPS = `${ACCEPT},video/*,.mkv,.mov`;

/** Send a clip to the studio. Gives the record; null for what does not move; throws for what is no clip. */
async function uploadClip(file) {
  try {
    return remember(await api.uploadClip(file));
  } catch (error) {
    if (isFilm(file) || error.status !== 422) throw error;
    return null;
  }
}

/** Send a picture to the studio, or where there is a photograph's place a clip. Gives the record, or null after showing
 * what was wrong. */
export async function upload(file, role, trouble) {
  if (role === "content" && mayMove(file)) {
    try {
      const clip = await uploadClip(file);
      if (clip) return clip;
    } catch (error) {
      trouble.show(error instanceof ApiError ? error : `${file.name}: cannot be read; choose it again`);
      return null;
    }
  }
  const limit = known.about?.limits?.upload_bytes;
  if (limit && file.size > limit) {
    trouble.show(`${file.name}: is larger than ${Math.round(limit / 2 ** 20)} MB; save it smaller`);
    return null;
  }
  try {
    const picture = remember(await api.upload(file, role));
    for (const notice of picture.notices ?? []) toast(notice);
    return picture;
  } catch (error) {
    if (error instanceof ApiError) trouble.show(error);
    else trouble.show(`${file.name}: cannot be read; choose it again`);
    return null;
  }
}

/** Take files that were dropped, pasted or chosen. A picture that impasto painted may give its recipe instead. */
export async function take(files, role, trouble) {
  trouble.clear();
  // Of several files each that is refused is named.
  const refused = [];
  const each = { clear: () => {}, show: (error) => refused.push(error.message ?? error) };
  await takeEach(files, role, each);
  if (refused.length) trouble.show(refused.join(" "));
}

async function takeEach(files, role, trouble) {
  for (const file of files) {
    const picture = await upload(file, role, trouble);
    if (!picture) continue;
    if (picture.recipe && (await offerRecipe(picture))) continue;
    if (role === "style") addStyle(picture);
    else {
      setContent(picture);
      role = "style";
    }
  }
}

/** Ask what a painted picture was dropped for. True: for its recipe. */
function offerRecipe(picture) {
  return new Promise((resolve) => {
    let wanted = false;
    const shown = dialog(
      "This picture was painted by impasto",
      { closed: () => resolve(wanted) },
      el("img", { class: "offer", src: pictureUrl(picture.id, 640), alt: "" }),
      el("p", { text: "It carries the recipe it was painted with." }),
      (picture.missing ?? []).length > 0 &&
        el("p", { class: "hint", text: `Not in this studio: ${picture.missing.join(", ")}. Choose them again.` }),
      el(
        "div",
        { class: "actions" },
        button("Use its settings", {
          kind: "primary",
          on: {
            click: () => {
              wanted = true;
              adoptInputs(picture.restored);
              adoptRecipe(picture.recipe);
              toast("The settings are those of the picture.");
              shown.close();
            },
          },
        }),
        button("Use it as a picture", { on: { click: () => shown.close() } }),
      ),
    );
  });
}

/** Take the pictures that a recipe was painted with, where the studio still has them; what is chosen stays otherwise. */
function adoptInputs(restored) {
  if (!restored) return;
  if (pictures.has(restored.content)) draft.content = pictures.get(restored.content);
  const masks = restored.style_masks ?? [];
  const styles = restored.styles.map((id, index) => ({ picture: pictures.get(id), mask: masks[index] ?? null, weight: 1 }));
  if (styles.length && styles.every((style) => style.picture)) draft.styles = styles;
  dropMasks();
  if (pictures.has(restored.content_mask)) {
    draft.contentMask = restored.content_mask;
    draft.styles.forEach((style, index) => (style.mask = masks[index] ?? null));
  }
}

/** Open the dialog. `chosen(picture)` hears about one that is there; files go through `take`. */
export function pick(role, chosen) {
  const trouble = errorLine();
  const input = el("input", {
    type: "file",
    class: "unseen",
    accept: role === "style" ? ACCEPT : ACCEPT_CLIPS,
    multiple: role === "style",
    tabindex: "-1",
    "aria-label": role === "style" ? "Painting files" : "Photograph file",
    on: { change: () => sent([...input.files]) },
  });
  const label = role === "style" ? "Choose a file, or drop one here" : "Choose a photograph or a clip, or drop one here";
  const drop = button(label, { kind: "drop", icon: "image", on: { click: () => input.click() } });
  const sent = async (files) => {
    if (!files.length) return;
    drop.disabled = true;
    drop.lastChild.textContent = "Looking at it…";
    if (role === "style" || files.length > 1) {
      await take(files, role, trouble);
    } else {
      trouble.clear();
      const picture = await upload(files[0], role, trouble);
      if (picture && !(picture.recipe && (await offerRecipe(picture)))) chosen(picture);
    }
    drop.disabled = false;
    drop.lastChild.textContent = label;
    if (trouble.node.hidden) shown.close();
  };
  drop.addEventListener("dragover", (event) => event.preventDefault());
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    sent([...event.dataTransfer.files]);
  });
  const own = [...pictures.values()].filter((picture) => picture.role && picture.role !== "mask" && (role === "content" || !isClip(picture)) && !isSample(picture.id));
  const samples = role === "style" ? known.samples.styles : known.samples.photos;
  const others = role === "style" ? known.samples.photos : known.samples.styles;
  const shown = dialog(
    role === "style" ? "Choose a painting" : "Choose a photograph",
    { wide: true },
    el("div", { class: "picker-drop" }, drop, input),
    trouble.node,
  );
  const choose = (picture) => {
    shown.close();
    chosen(picture);
  };
  const row = (title, list, own = false) =>
    list.length ? [el("h3", { text: title }), el("div", { class: "shelf" }, list.map((picture) => (own ? owned(picture, choose) : thumb(picture, choose))))] : [];
  shown.body.append(
    ...[
    ...row(role === "style" ? "Paintings that come with impasto" : "Photographs that come with impasto", samples),
    ...row("Yours", own, true),
    own.length > 0 && folderLine(),
    ...row(role === "style" ? "Photographs" : "Paintings", others),
    ].filter(Boolean),
  );
}

const isSample = (id) => [...known.samples.photos, ...known.samples.styles].some((picture) => picture.id === id);

function thumb(picture, choose) {
  return el(
    "button",
    { type: "button", class: "thumb", on: { click: () => choose(picture) } },
    el("img", { src: pictureUrl(picture.id, 320), alt: "", loading: "lazy" }),
    isClip(picture) && el("span", { class: "clip-badge", text: "Clip" }),
    el("span", { class: "name", text: picture.name }),
  );
}

/** One that was uploaded, which can be deleted. */
function owned(picture, choose) {
  const node = el("div", { class: "owned" }, thumb(picture, choose));
  let sure = false;
  const remove = button(`Delete ${picture.name}`, {
    icon: "trash",
    quiet: true,
    on: {
      click: async () => {
        if (!sure) {
          sure = true;
          remove.classList.add("sure");
          remove.title = remove.ariaLabel = `Delete ${picture.name} for good: press again`;
          return;
        }
        // A thumbnail that is still on its way would be asked of a picture that is gone.
        const image = node.querySelector("img");
        const source = image.src;
        image.removeAttribute("src");
        try {
          await api.removePicture(picture.id);
        } catch (error) {
          image.src = source;
          toast(error.message);
          return;
        }
        pictures.delete(picture.id);
        if (draft.content?.id === picture.id) setContent(null);
        const index = draft.styles.findIndex((style) => style.picture.id === picture.id);
        if (index >= 0) removeStyle(index);
        node.remove();
      },
    },
  });
  node.append(remove);
  return node;
}

/** How much the studio's folder has. */
function folderLine() {
  const line = el("p", { class: "hint folder-line" });
  api.about().then(({ folder }) => {
    line.textContent = `Pictures and paintings take ${bytes(folder.bytes)} of the ${bytes(folder.limit_bytes)} that they may; the disk has ${bytes(folder.free_bytes)} left.`;
  }).catch(() => {});
  return line;
}

/** Files dropped anywhere on the page, or pasted: the first is the photograph where there is none yet. */
export function acceptAnywhere(trouble) {
  const into = (event) => event.target.closest?.("[data-drop]")?.dataset.drop ?? (draft.content ? "style" : "content");
  const root = document.documentElement;
  addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    root.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) root.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    root.classList.remove("dropping");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    location.hash = "#paint";
    take([...event.dataTransfer.files], into(event), trouble);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length && !document.querySelector("dialog[open]")) take(files, into(event), trouble);
  });
}

