// Masks that are being painted, kept in the browser until they are used or thrown away: by picture, over a reload too.

const STORE = "masks";

function database() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("impasto", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

/** Do something with the store; null where a browser keeps nothing, which costs no more than an unfinished mask. */
async function within(mode, act) {
  try {
    const open = await database();
    const result = await new Promise((resolve, reject) => {
      const transaction = open.transaction(STORE, mode);
      const asked = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
    open.close();
    return result ?? null;
  } catch {
    return null;
  }
}

/** Keep the labels of a picture, {width, height, data, colours, names}. */
export const keep = (picture, labels) => within("readwrite", (store) => store.put(labels, picture));

/** The labels that were kept of a picture, or null. */
export const kept = (picture) => within("readonly", (store) => store.get(picture));

export const forget = (picture) => within("readwrite", (store) => store.delete(picture));
