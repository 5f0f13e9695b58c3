// Where frames come from: a camera, or a clip that plays on this page and goes nowhere.

/** Show a camera in a video element. Throws an `Error` in words for what prevents it. */
export async function openCamera(video) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error(
      window.isSecureContext
        ? "This browser has no camera to offer; try another browser, or paint a clip."
        : "Browsers show a camera only to pages of their own machine. Open the studio at localhost, through an SSH tunnel where it runs elsewhere; or paint a clip.",
    );
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, facingMode: "user" }, audio: false });
  } catch (error) {
    throw new Error(said(error.name), { cause: error });
  }
  video.srcObject = stream;
  await video.play();
  return () => {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
}

function said(name) {
  if (name === "NotAllowedError") return "The camera was not allowed. Allow it in the browser's address bar, and start again.";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "There is no camera; connect one, or paint a clip.";
  if (name === "NotReadableError") return "The camera is in use; close what uses it, and start again.";
  return "The camera cannot be opened; try another browser, or paint a clip.";
}

/** Play a file in a video element, again and again. Throws an `Error` for what does not play. */
export async function openFile(video, file) {
  const url = URL.createObjectURL(file);
  video.src = url;
  video.loop = true;
  try {
    await video.play();
  } catch (error) {
    URL.revokeObjectURL(url);
    throw new Error(`${file.name}: is no clip that this browser plays; save it as MP4 or WebM.`, { cause: error });
  }
  return () => {
    video.pause();
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  };
}
